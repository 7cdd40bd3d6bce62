"""Rule: a root filesystem.

```starlark
load("@sandbox_images//tools/mkrootfs:defs.bzl", "rootfs")

rootfs(
    name = "rootfs_x86_64",
    architecture = "x86_64",
    # A `guest_binary`.
    binaries = {":agent_x86_64": "usr/local/bin/agent"},
    concatenate = {"etc/ssl/certs/ca-certificates.crt": "usr/share/ca-certificates/mozilla/*.crt"},
    exclude = {"usr/share/i18n/**": "sources of locales"},
    # A `guest_npm_packages`.
    npm_packages = ["@npm_npm//:packages"],
    # A `debian_packages`.
    packages = ["@rootfs_x86_64//:packages"],
    python = "@sandbox_images//tools/toolchains/python:python3.13",
    # A `filesystem_spec`.
    specs = [":base"],
    # A `guest_wheels`.
    wheels = [":wheels_x86_64"],
)
```
"""

load("//tools/mkrootfs/private:rootfs.bzl", _RootfsInfo = "RootfsInfo", _rootfs = "rootfs")

RootfsInfo = _RootfsInfo
rootfs = _rootfs
