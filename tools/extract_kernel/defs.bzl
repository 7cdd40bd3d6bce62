"""Rules: a guest kernel with its modules, and what it is taken out of.

```starlark
load("@sandbox_images//tools/extract_kernel:defs.bzl", "guest_kernel", "kernel_package", "vmlinux")

# Debian's, of a `debian.archives` with the packages of one kernel.
guest_kernel(
    name = "vmlinuz_x86_64",
    architecture = "x86_64",
    packages = "@kernel_x86_64//:packages",
)

vmlinux(
    name = "vmlinux_x86_64",
    kernel = ":vmlinuz_x86_64",
)

# One that is split into several packages, each of a `kernels.package`.
kernel_package(
    name = "kernel_ubuntu",
    architecture = "x86_64",
    parts = [
        "@kernel_ubuntu_image//:package",
        "@kernel_ubuntu_modules//:package",
    ],
)

guest_kernel(
    name = "vmlinuz_ubuntu",
    architecture = "x86_64",
    packages = ":kernel_ubuntu",
)
```
"""

load("//tools/extract_kernel/private:guest_kernel.bzl", _KernelInfo = "KernelInfo", _guest_kernel = "guest_kernel")
load("//tools/extract_kernel/private:kernel_package.bzl", _KernelPackageInfo = "KernelPackageInfo", _kernel_package = "kernel_package")
load("//tools/extract_kernel/private:vmlinux.bzl", _vmlinux = "vmlinux")

KernelInfo = _KernelInfo
KernelPackageInfo = _KernelPackageInfo
guest_kernel = _guest_kernel
kernel_package = _kernel_package
vmlinux = _vmlinux
