"""Implementation of the rule `vmlinux`."""

load(":guest_kernel.bzl", "KernelInfo")

def _vmlinux_impl(ctx):
    kernel = ctx.attr.kernel[KernelInfo]
    output = ctx.actions.declare_file(ctx.attr.out or ctx.label.name)
    if kernel.vmlinux:
        ctx.actions.symlink(output = output, target_file = kernel.vmlinux)
    else:
        _extract(ctx, kernel, output)
    return [
        DefaultInfo(files = depset([output])),
        KernelInfo(
            architecture = kernel.architecture,
            builtin = kernel.builtin,
            config = kernel.config,
            modules = kernel.modules,
            order = kernel.order,
            release = kernel.release,
            report = kernel.report,
            vmlinux = output,
            vmlinuz = output,
        ),
    ]

def _extract(ctx, kernel, output):
    args = ctx.actions.args()
    args.add(kernel.architecture, format = "--architecture=%s")
    args.add(kernel.vmlinuz, format = "--vmlinuz=%s")
    args.add(kernel.release, format = "--release=%s")
    args.add(output, format = "--output=%s")
    ctx.actions.run(
        executable = ctx.executable._extract_vmlinux,
        arguments = [args],
        inputs = [kernel.vmlinuz, kernel.release],
        outputs = [output],
        mnemonic = "ExtractVmlinux",
        progress_message = "Unpacking kernel %{output}",
    )

vmlinux = rule(
    doc = "The uncompressed form of a kernel, usable like the kernel itself. For x86_64 an ELF file with the PVH entry " +
          "point, and an error if the kernel has none; for aarch64 the Image.",
    implementation = _vmlinux_impl,
    attrs = {
        "kernel": attr.label(doc = "The kernel.", mandatory = True, providers = [KernelInfo]),
        "out": attr.string(doc = "Name of the file; the target's name if empty."),
        "_extract_vmlinux": attr.label(default = "//tools/extract_kernel:extract_vmlinux", executable = True, cfg = "exec"),
    },
    provides = [KernelInfo],
)
