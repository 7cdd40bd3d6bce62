"""Implementation of the rule `qcow2`."""

load("//tools/debian:providers.bzl", "ProgramInfo")
load("//tools/mkrootfs:defs.bzl", "RootfsInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")

DiskImageInfo = provider(
    doc = "A root disk.",
    fields = {
        "architecture": "Architecture of its content, as in @platforms//cpu.",
        "file": "File: the qcow2 image.",
        "rootfs": "RootfsInfo: the root file system on it.",
    },
)

_PROGRAMS = {
    "e2fsck": "//tools/toolchains/e2fsprogs:e2fsck",
    "mke2fs": "//tools/toolchains/e2fsprogs:mke2fs",
    "qemu_img": "//tools/toolchains/qemu:qemu-img",
}

def _make(ctx, rootfs, output, like = None):
    """Declare the action that creates a disk."""
    args = ctx.actions.args()
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add(rootfs.tar, format = "--rootfs_tar=%s")
    args.add(rootfs.spec, format = "--rootfs_spec=%s")
    args.add(output, format = "--output=%s")
    args.add(ctx.attr.size_mib, format = "--size_mib=%s")
    args.add(ctx.attr.label, format = "--label=%s")
    args.add(ctx.attr.uuid, format = "--uuid=%s")
    if like:
        args.add(like, format = "--like=%s")
    tools = []
    for name in _PROGRAMS:
        program = getattr(ctx.attr, "_" + name)[ProgramInfo]
        args.add(program.program, format = "--{}=%s".format(name))
        tools.append(program.files)
    ctx.actions.run(
        executable = ctx.executable._mkdisk,
        arguments = [args],
        inputs = [rootfs.tar, rootfs.spec] + ([like] if like else []),
        tools = depset(transitive = tools),
        outputs = [output],
        mnemonic = "MakeDisk",
        progress_message = "Writing disk %{output}",
    )

def _qcow2_impl(ctx):
    rootfs = ctx.attr.rootfs[RootfsInfo]
    check_architecture(ctx, [(ctx.attr.rootfs, rootfs.architecture)])
    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name + ".qcow2")
    like = None
    if rootfs.packed:
        # Compress the large part once. Other guest binaries then compress only the clusters that they change.
        like = ctx.actions.declare_file(ctx.label.name + ".packed.qcow2")
        _make(ctx, rootfs.packed, like)
    _make(ctx, rootfs, output, like)
    return [
        DefaultInfo(files = depset([output])),
        DiskImageInfo(architecture = ctx.attr.architecture, file = output, rootfs = rootfs),
    ]

qcow2 = rule(
    doc = "A qcow2 disk with a root file system on it: one ext4 file system, no partitions.",
    implementation = _qcow2_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", values = ARCHITECTURES.keys(), mandatory = True),
        "label": attr.string(doc = "Label of the file system, 16 bytes at most.", default = "root"),
        "out": attr.string(doc = "Name of the file; the target's name and .qcow2 if empty."),
        "rootfs": attr.label(doc = "The root file system; of the same architecture.", providers = [RootfsInfo], mandatory = True),
        "size_mib": attr.int(doc = "Size of disk and file system in MiB. Only used blocks take space in the image.", default = 2048),
        "uuid": attr.string(doc = "UUID of the file system; derived from the tree's digest if empty."),
        "_mkdisk": attr.label(default = "//tools/mkdisk", executable = True, cfg = "exec"),
    } | {
        "_" + name: attr.label(default = label, providers = [ProgramInfo], cfg = "exec")
        for name, label in _PROGRAMS.items()
    },
    provides = [DiskImageInfo],
)
