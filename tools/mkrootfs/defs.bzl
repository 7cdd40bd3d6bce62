"""Rule: a root filesystem."""

load("//tools/mkrootfs/private:rootfs.bzl", _RootfsInfo = "RootfsInfo", _rootfs = "rootfs")

RootfsInfo = _RootfsInfo
rootfs = _rootfs
