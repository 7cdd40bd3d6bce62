"""Rules for packages of the Debian archive.

```starlark
load("@sandbox_images//tools/debian:defs.bzl", "debian_packages", "debian_program")

# Packages of two requests, as one set.
debian_packages(
    name = "packages_x86_64",
    architecture = "x86_64",
    deps = [
        "@letters_x86_64//:packages",
        "@numbers_x86_64//:packages",
    ],
)

# In the BUILD file of a `debian.tree`.
debian_program(
    name = "jq",
    files = glob(["usr/lib/**"]) + ["usr/bin/jq"],
    launcher = "bin/jq",
)
```
"""

load("//tools/debian:providers.bzl", _DebianPackagesInfo = "DebianPackagesInfo", _ProgramInfo = "ProgramInfo")
load("//tools/debian/private:packages.bzl", _debian_packages = "debian_packages")
load("//tools/debian/private:program.bzl", _debian_program = "debian_program")

DebianPackagesInfo = _DebianPackagesInfo
ProgramInfo = _ProgramInfo
debian_packages = _debian_packages
debian_program = _debian_program
