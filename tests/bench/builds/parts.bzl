"""Files that the rows of this package need."""

# Name to label. A row's module gets the path by the name.
PARTS = {
    "builders": "//tests/bench/builds:builders",
    "bwrap": "//tests/remote:bwrap",
    "debian_groups": "//tests/bench/builds:debian_groups",
    "debian_modules_x86_64": "//tests/bench/builds:debian_modules_x86_64",
    "e2fsck": "//tools/toolchains/e2fsprogs:e2fsck",
    "mkdisk": "//tools/mkdisk",
    "mke2fs": "//tools/toolchains/e2fsprogs:mke2fs",
    "mkinitramfs": "//tools/mkinitramfs",
    "mkrootfs": "//tools/mkrootfs",
    "module": "//:MODULE.bazel",
    "qemu_img": "//tools/toolchains/qemu:qemu-img",
    "tiny_init_x86_64": "//images:tiny_init_x86_64",
}
