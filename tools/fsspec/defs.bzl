"""Rule: a description of a filesystem tree, which every packer reads.

```starlark
load("@sandbox_images//tools/fsspec:defs.bzl", "filesystem_spec")

filesystem_spec(
    name = "base",
    devices = {"dev/console": "char 5:1 0600"},
    directories = {
        "home/user": "0700 1000:1000",
        "tmp": "1777",
    },
    files = {"numbers.toml": "etc/numbers.toml"},
    modes = {"etc/numbers.toml": "0600"},
    replaces = ["etc/issue"],
    symlinks = {"usr/bin/python": "python3.13"},
    texts = {"etc/issue": "sandbox\\n"},
)
```
"""

load("//tools/fsspec/private:filesystem_spec.bzl", _FilesystemSpecInfo = "FilesystemSpecInfo", _filesystem_spec = "filesystem_spec")

FilesystemSpecInfo = _FilesystemSpecInfo
filesystem_spec = _filesystem_spec
