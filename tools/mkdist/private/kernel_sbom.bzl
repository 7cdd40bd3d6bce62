"""Implementation of the rule `kernel_sbom`."""

load("//tools/extract_kernel:defs.bzl", "KernelInfo")

KernelSbomInfo = provider(
    doc = "The bill of materials of a kernel.",
    fields = {"file": "File: the SPDX document."},
)

def _kernel_sbom_impl(ctx):
    kernel = ctx.attr.kernel[KernelInfo]
    if not kernel.report:
        fail("{}: {} is not built here: see the description of its package".format(ctx.label, ctx.attr.kernel.label))
    output = ctx.actions.declare_file(kernel.vmlinuz.basename + ".spdx.json")
    args = ctx.actions.args()
    args.add(kernel.vmlinuz, format = "--image=%s")
    args.add(kernel.report, format = "--kernel_report=%s")
    args.add(output, format = "--output=%s")
    ctx.actions.run(
        executable = ctx.executable._kernel_sbom,
        arguments = [args],
        inputs = [kernel.vmlinuz, kernel.report],
        outputs = [output],
        mnemonic = "KernelSbom",
        progress_message = "Writing bill of materials %{output}",
    )
    return [
        DefaultInfo(files = depset([output])),
        KernelSbomInfo(file = output),
    ]

kernel_sbom = rule(
    doc = "Writes the bill of materials of a kernel that `linux_kernel` built, as SPDX 2.3 in JSON: its source package, the digest of " +
          "its configuration, its patches.",
    implementation = _kernel_sbom_impl,
    attrs = {
        "kernel": attr.label(doc = "The kernel.", mandatory = True, providers = [KernelInfo]),
        "_kernel_sbom": attr.label(default = "//tools/mkdist:kernel_sbom", executable = True, cfg = "exec"),
    },
    provides = [KernelSbomInfo],
)
