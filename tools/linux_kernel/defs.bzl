"""Rules: the kernel's source, and a kernel that is built of it."""

load("//tools/linux_kernel/private:linux_kernel.bzl", _linux_kernel = "linux_kernel")
load("//tools/linux_kernel/private:linux_source.bzl", _LinuxSourceInfo = "LinuxSourceInfo", _linux_source = "linux_source")

LinuxSourceInfo = _LinuxSourceInfo
linux_kernel = _linux_kernel
linux_source = _linux_source
