"""Files that the rows of this package need."""

_ARCHITECTURES = [
    "aarch64",
    "x86_64",
]

_DISKS = [
    "bun",
    "node",
    "python",
    "raw",
]

# Name to label. A row's module gets the path by the name.
PARTS = {
    "{}_{}".format(name, architecture): label.format(architecture)
    for architecture in _ARCHITECTURES
    for name, label in ({
        "beside": "//tests/bench/peers:beside_{}",
        "debian_initramfs": "//images:initramfs_debian_{}",
        "debian_kernel": "//images:vmlinuz_debian_{}",
        "floor": "//tests/bench:floor_initramfs_{}",
        "initramfs": "//images:initramfs_{}",
        "jupyter": "//tests/bench/peers:jupyter_{}",
        "kernel": "//images:vmlinux_{}",
        "qemu": "//tools/toolchains/qemu:qemu-system-{}",
        "systemd": "//tests/bench/peers:systemd_{}",
    } | {
        "disk_" + variant: "//images:qcow2_{}_{{}}".format(variant)
        for variant in _DISKS
    }).items()
}
