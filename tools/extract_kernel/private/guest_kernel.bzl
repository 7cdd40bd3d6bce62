"""Implementation of the rule `guest_kernel`."""

load("//tools/debian:providers.bzl", "DebianPackagesInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")
load(":kernel_package.bzl", "KernelPackageInfo")

KernelInfo = provider(
    doc = "A kernel for guests. The tool has checked the architecture of its image and of every module.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu.",
        "builtin": "File: modules.builtin, the modules that are part of the kernel.",
        "config": "File: its configuration.",
        "modules": "File: tar archive of lib/modules/RELEASE, with modules.dep, modules.softdep and modules.alias.",
        "order": "File: modules.order.",
        "release": "File: one line, the output of `uname -r`.",
        "report": "File: JSON with source, configuration and patches of a kernel that is built here; None for a packaged one.",
        "vmlinux": "File: the uncompressed form of a kernel that is built here; None for a packaged one, see the rule `vmlinux`.",
        "vmlinuz": "File: the bootable image.",
    },
)

def _guest_kernel_impl(ctx):
    if KernelPackageInfo in ctx.attr.packages:
        info = ctx.attr.packages[KernelPackageInfo]
    else:
        info = ctx.attr.packages[DebianPackagesInfo]
    packages = info.packages
    check_architecture(ctx, [(ctx.attr.packages, info.architecture)])

    name = ctx.label.name
    files = {
        "builtin": name + ".modules.builtin",
        "config": name + ".config",
        "modules": name + ".modules.tar",
        "order": name + ".modules.order",
        "release": name + ".release",
        "vmlinuz": ctx.attr.out or name,
    }
    outputs = {flag: ctx.actions.declare_file(file) for flag, file in files.items()}
    args = ctx.actions.args()
    args.use_param_file("--flagfile=%s")
    args.set_param_file_format("multiline")
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add_all(packages, format_each = "--package=%s")
    for flag, file in outputs.items():
        args.add(file, format = "--{}=%s".format(flag))
    ctx.actions.run(
        executable = ctx.executable._extract_kernel,
        arguments = [args],
        inputs = packages,
        outputs = outputs.values(),
        mnemonic = "ExtractKernel",
        progress_message = "Extracting kernel %{label}",
    )
    return [
        DefaultInfo(files = depset([outputs["vmlinuz"]])),
        OutputGroupInfo(**{flag: depset([file]) for flag, file in outputs.items()}),
        KernelInfo(architecture = ctx.attr.architecture, report = None, vmlinux = None, **outputs),
    ]

guest_kernel = rule(
    doc = "Takes kernel image, configuration and modules out of a kernel's packages, Debian's, Ubuntu's or Alpine's, checks their architecture and " +
          "solves the modules' dependencies. Each part is an output group: vmlinuz, config, release, modules, builtin, order.",
    implementation = _guest_kernel_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the guests.", values = ARCHITECTURES.keys(), mandatory = True),
        "out": attr.string(doc = "Name of the image's file; the target's name if empty."),
        "packages": attr.label(
            doc = "Debian packages of the architecture, which together contain exactly one kernel, or a `kernel_package`.",
            mandatory = True,
            providers = [[DebianPackagesInfo], [KernelPackageInfo]],
        ),
        "_extract_kernel": attr.label(default = "//tools/extract_kernel", executable = True, cfg = "exec"),
    },
    provides = [KernelInfo],
)
