"""Rules: a guest kernel with its modules, and what it is taken out of."""

load("//tools/extract_kernel/private:guest_kernel.bzl", _KernelInfo = "KernelInfo", _guest_kernel = "guest_kernel")
load("//tools/extract_kernel/private:kernel_package.bzl", _KernelPackageInfo = "KernelPackageInfo", _kernel_package = "kernel_package")
load("//tools/extract_kernel/private:vmlinux.bzl", _vmlinux = "vmlinux")

KernelInfo = _KernelInfo
KernelPackageInfo = _KernelPackageInfo
guest_kernel = _guest_kernel
kernel_package = _kernel_package
vmlinux = _vmlinux
