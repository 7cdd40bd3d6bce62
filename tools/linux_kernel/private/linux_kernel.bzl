"""Implementation of the rule `linux_kernel`."""

load("//tools/debian:providers.bzl", "ProgramInfo")
load("//tools/extract_kernel:defs.bzl", "KernelInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load(":linux_source.bzl", "LinuxSourceInfo")

def _root_file(file):
    """Return the flag that copies a file of an unpacked package to its path in the package.

    Args:
        file: its short_path is ../REPOSITORY/usr/bin/make.
    """
    return "--root_file={}={}".format(file.short_path.split("/", 2)[2], file.path)

def _resources(_os, _inputs):
    """Reserve the resources of a kernel build. On a host with eight processors, Bazel runs no other action beside it."""
    return {"cpu": 8, "memory": 2000}

def _linux_kernel_impl(ctx):
    name = ctx.label.name
    built = {
        "builtin": name + ".modules.builtin",
        "builtin_modinfo": name + ".modules.builtin.modinfo",
        "config": name + ".config",
        # check_kernel writes the image under its final name.
        "image": name + ".unchecked",
        "release": name + ".release",
        "system_map": name + ".System.map",
        "vmlinux": name + ".vmlinux",
    }
    built = {flag: ctx.actions.declare_file(file) for flag, file in built.items()}
    checked = {
        "modules": name + ".modules.tar",
        "order": name + ".modules.order",
        "report": name + ".json",
        "vmlinuz": ctx.attr.out or name,
    }
    checked = {flag: ctx.actions.declare_file(file) for flag, file in checked.items()}
    _build(ctx, built)
    _check(ctx, built, checked)
    outputs = {flag: file for flag, file in (built | checked).items() if flag not in ["builtin_modinfo", "image"]}
    return [
        DefaultInfo(files = depset([outputs["vmlinuz"]])),
        OutputGroupInfo(**{flag: depset([file]) for flag, file in outputs.items()}),
        KernelInfo(
            architecture = ctx.attr.architecture,
            **{flag: file for flag, file in outputs.items() if flag != "system_map"}
        ),
    ]

def _build(ctx, outputs):
    source = ctx.attr.source[LinuxSourceInfo]
    bwrap = ctx.attr._bwrap[ProgramInfo]
    args = _args(ctx)
    args.add(source.archive, format = "--source=%s")
    args.add_all(ctx.files.configs, format_each = "--config_fragment=%s")
    args.add_all(ctx.files.patches, format_each = "--patch=%s")
    args.add(bwrap.program, format = "--bwrap=%s")
    args.add(ctx.file._busybox, format = "--busybox=%s")
    args.add_all(ctx.files._root, map_each = _root_file)
    for flag, file in outputs.items():
        args.add(file, format = "--{}=%s".format(flag))
    ctx.actions.run(
        executable = ctx.executable._build_kernel,
        arguments = [args],
        inputs = depset(
            [source.archive, ctx.file._busybox] + ctx.files.configs + ctx.files.patches + ctx.files._root,
            transitive = [bwrap.files],
        ),
        outputs = outputs.values(),
        mnemonic = "LinuxKernel",
        progress_message = "Building kernel %{label}",
        resource_set = _resources,
    )

def _check(ctx, built, outputs):
    source = ctx.attr.source[LinuxSourceInfo]
    inputs = {flag: built[flag] for flag in ["builtin", "builtin_modinfo", "config", "image", "release", "vmlinux"]}
    args = _args(ctx)
    args.add(source.report, format = "--source_report=%s")
    args.add_all(ctx.files.patches, format_each = "--patch=%s")
    for flag, file in (inputs | outputs).items():
        args.add(file, format = "--{}=%s".format(flag))
    ctx.actions.run(
        executable = ctx.executable._check_kernel,
        arguments = [args],
        inputs = inputs.values() + [source.report] + ctx.files.patches,
        outputs = outputs.values(),
        mnemonic = "CheckKernel",
        progress_message = "Checking kernel %{label}",
    )

def _args(ctx):
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s")
    args.set_param_file_format("multiline")
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    return args

linux_kernel = rule(
    doc = "Builds a kernel without modules. Options that no fragment names are off. A line of a fragment that does not hold in the final " +
          "configuration fails the build. The target's file is bzImage or Image. Each part is an output group: vmlinuz, vmlinux, config, " +
          "system_map, release, report, modules, builtin, order.",
    implementation = _linux_kernel_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", values = ARCHITECTURES.keys(), mandatory = True),
        "configs": attr.label_list(
            doc = "Fragments of the configuration: lines as in `.config`. No two may set the same option.",
            allow_files = [".config"],
            mandatory = True,
        ),
        "out": attr.string(doc = "Name of the image's file; defaults to the target's name."),
        "patches": attr.label_list(doc = "Patches of the source, with one directory before each name.", allow_files = [".patch"]),
        "source": attr.label(doc = "The source.", mandatory = True, providers = [LinuxSourceInfo]),
        "_build_kernel": attr.label(default = "//tools/linux_kernel:build_kernel", executable = True, cfg = "exec"),
        "_busybox": attr.label(default = "//tools/linux_kernel:busybox", allow_single_file = True, cfg = "exec"),
        "_bwrap": attr.label(default = "//tools/linux_kernel:bwrap", providers = [ProgramInfo], cfg = "exec"),
        "_check_kernel": attr.label(default = "//tools/linux_kernel:check_kernel", executable = True, cfg = "exec"),
        "_root": attr.label_list(
            default = [
                "//tools/linux_kernel:tools",
                "//tools/linux_kernel:llvm",
                "//tools/linux_kernel:sysroot_libraries",
                "//tools/linux_kernel:sysroot_shared_runtime",
                "//tools/linux_kernel:sysroot_headers",
            ],
            cfg = "exec",
        ),
    },
    provides = [KernelInfo],
)
