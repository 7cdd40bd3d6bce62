"""Rule: a disk image."""

load("//tools/mkdisk/private:qcow2.bzl", _DiskImageInfo = "DiskImageInfo", _qcow2 = "qcow2")

DiskImageInfo = _DiskImageInfo
qcow2 = _qcow2
