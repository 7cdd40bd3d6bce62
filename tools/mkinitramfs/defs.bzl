"""Rule: an initramfs.

```starlark
load("@sandbox_images//tools/mkinitramfs:defs.bzl", "initramfs")

initramfs(
    name = "initramfs_x86_64",
    architecture = "x86_64",
    # A `guest_binary`.
    init = ":init_x86_64",
    # A `guest_kernel`; not for kernels without modules.
    kernel = ":vmlinuz_x86_64",
    modules = {
        "always": ["virtio_blk"],
        "net": ["virtio_net"],
    },
)
```
"""

load("//tools/mkinitramfs/private:initramfs.bzl", _InitramfsInfo = "InitramfsInfo", _initramfs = "initramfs")

InitramfsInfo = _InitramfsInfo
initramfs = _initramfs
