"""Rules: the kernel's source, and a kernel that is built from it.

```starlark
load("@sandbox_images//tools/linux_kernel:defs.bzl", "linux_kernel", "linux_source")

linux_source(
    name = "source",
    exclude = ["drivers"],
    include = ["drivers/virtio"],
    package = "@kernel_source_x86_64//:packages",
)

linux_kernel(
    name = "vmlinuz_x86_64",
    architecture = "x86_64",
    configs = [
        "common.config",
        "x86_64.config",
    ],
    patches = ["no-poison.patch"],
    source = ":source",
)
```
"""

load("//tools/linux_kernel/private:linux_kernel.bzl", _linux_kernel = "linux_kernel")
load("//tools/linux_kernel/private:linux_source.bzl", _LinuxSourceInfo = "LinuxSourceInfo", _linux_source = "linux_source")

LinuxSourceInfo = _LinuxSourceInfo
linux_kernel = _linux_kernel
linux_source = _linux_source
