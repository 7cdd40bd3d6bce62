"""Implementation of the rule `initramfs`."""

load("//tools/elfcheck:defs.bzl", "GuestBinaryInfo")
load("//tools/extract_kernel:defs.bzl", "KernelInfo")
load("//tools/fsspec:defs.bzl", "FilesystemSpecInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")

InitramfsInfo = provider(
    doc = "An initramfs.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu, of the init program and of every module.",
        "file": "File: the compressed archive.",
        "report": "File: JSON with the kernel's release and the modules by group.",
    },
)

def _initramfs_impl(ctx):
    init = ctx.attr.init[GuestBinaryInfo]
    kernel = ctx.attr.kernel[KernelInfo] if ctx.attr.kernel else None
    if ctx.attr.modules and not kernel:
        fail("{}: has `modules` but no `kernel`: name the kernel of the modules".format(ctx.label))
    specs = [target[FilesystemSpecInfo] for target in ctx.attr.specs]
    check_architecture(
        ctx,
        [(ctx.attr.init, init.architecture)] +
        ([(ctx.attr.kernel, kernel.architecture)] if kernel else []) +
        [(target, target[FilesystemSpecInfo].architecture) for target in ctx.attr.specs],
    )

    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name)
    report = ctx.actions.declare_file(ctx.label.name + ".modules.json")
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s")
    args.set_param_file_format("multiline")
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add(init.file, format = "--init=%s")
    if kernel:
        args.add(kernel.modules, format = "--kernel_modules=%s")
    for group, names in ctx.attr.modules.items():
        args.add_all(names, format_each = "--module={}:%s".format(group))
    args.add_all([spec.spec for spec in specs], format_each = "--spec=%s")
    args.add(ctx.attr.compression, format = "--compression=%s")
    args.add(output, format = "--output=%s")
    args.add(report, format = "--report=%s")
    ctx.actions.run(
        executable = ctx.executable._mkinitramfs,
        arguments = [args],
        inputs = depset(
            [init.file] + ([kernel.modules] if kernel else []) + [spec.spec for spec in specs],
            transitive = [spec.files for spec in specs],
        ),
        outputs = [output, report],
        mnemonic = "MkInitramfs",
        progress_message = "Packing initramfs %{label}",
    )
    return [
        DefaultInfo(files = depset([output])),
        OutputGroupInfo(modules_report = depset([report])),
        InitramfsInfo(architecture = ctx.attr.architecture, file = output, report = report),
    ]

initramfs = rule(
    doc = "Packs init program and kernel modules. An input of another architecture is an analysis error.",
    implementation = _initramfs_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", values = ARCHITECTURES.keys(), mandatory = True),
        "compression": attr.string(doc = "Compression of the archive.", default = "zstd", values = ["zstd", "gzip", "none"]),
        "init": attr.label(doc = "Program that becomes /init.", mandatory = True, providers = [GuestBinaryInfo]),
        "kernel": attr.label(doc = "Kernel that contains the modules. Omit it if the guests' kernel has no modules.", providers = [KernelInfo]),
        "modules": attr.string_list_dict(
            doc = "Group to names of modules. A group also gets its modules' dependencies, in the order of loading, unless the " +
                  "group `always` has them, which is loaded first. A module that is neither a file nor built in fails the build.",
        ),
        "out": attr.string(doc = "Name of the file; the target's name if empty."),
        "specs": attr.label_list(doc = "Further entries, see `filesystem_spec`.", providers = [FilesystemSpecInfo]),
        "_mkinitramfs": attr.label(default = "//tools/mkinitramfs", executable = True, cfg = "exec"),
    },
    provides = [InitramfsInfo],
)
