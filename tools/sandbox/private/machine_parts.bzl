"""Implementation of the rule `machine_parts`, which connects the programs of this directory's macros to their images."""

load("//tools/extract_kernel:defs.bzl", "KernelInfo")
load("//tools/mkdisk:defs.bzl", "DiskImageInfo")
load("//tools/mkinitramfs:defs.bzl", "InitramfsInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")

_PARTS = {
    "disk": DiskImageInfo,
    "initramfs": InitramfsInfo,
    "kernel": KernelInfo,
}

def _machine_parts_impl(ctx):
    targets = {name: getattr(ctx.attr, name) for name in _PARTS}
    check_architecture(ctx, [(target, target[_PARTS[name]].architecture) for name, target in targets.items()])
    return [DefaultInfo(files = depset([file for name in _PARTS for file in getattr(ctx.files, name)]))]

machine_parts = rule(
    doc = "The boot files of a machine: a disk, an initramfs and a kernel, all of one architecture.",
    implementation = _machine_parts_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the machine.", values = ARCHITECTURES.keys(), mandatory = True),
        "disk": attr.label(doc = "The root disk.", mandatory = True, providers = [DiskImageInfo]),
        "initramfs": attr.label(doc = "The initramfs.", mandatory = True, providers = [InitramfsInfo]),
        "kernel": attr.label(doc = "The kernel.", mandatory = True, providers = [KernelInfo]),
    },
)
