"""Rule: an initramfs."""

load("//tools/mkinitramfs/private:initramfs.bzl", _InitramfsInfo = "InitramfsInfo", _initramfs = "initramfs")

InitramfsInfo = _InitramfsInfo
initramfs = _initramfs
