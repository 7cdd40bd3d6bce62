"""Rule: a disk image.

```starlark
load("@sandbox_images//tools/mkdisk:defs.bzl", "qcow2")

qcow2(
    name = "disk_x86_64",
    architecture = "x86_64",
    rootfs = ":rootfs_x86_64",
    size_mib = 512,
)
```
"""

load("//tools/mkdisk/private:qcow2.bzl", _DiskImageInfo = "DiskImageInfo", _qcow2 = "qcow2")

DiskImageInfo = _DiskImageInfo
qcow2 = _qcow2
