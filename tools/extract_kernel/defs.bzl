"""Rule: a guest kernel with its modules."""

load("//tools/extract_kernel/private:guest_kernel.bzl", _KernelInfo = "KernelInfo", _guest_kernel = "guest_kernel")

KernelInfo = _KernelInfo
guest_kernel = _guest_kernel
