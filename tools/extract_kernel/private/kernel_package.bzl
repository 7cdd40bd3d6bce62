"""Implementation of the rule `kernel_package`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

KernelPackageInfo = provider(
    doc = "A kernel package of one architecture that is not of the Debian archive's lock.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu. `guest_kernel` checks that package, image and modules say the same.",
        "package": "File: the `.deb` or `.apk`.",
    },
)

def _kernel_package_impl(ctx):
    return [
        DefaultInfo(files = depset([ctx.file.package])),
        KernelPackageInfo(architecture = ctx.attr.architecture, package = ctx.file.package),
    ]

kernel_package = rule(
    doc = "A kernel package for `guest_kernel`. What is downloaded comes through the module extension `kernels`, which pins it.",
    implementation = _kernel_package_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the kernel.", values = ARCHITECTURES.keys(), mandatory = True),
        "package": attr.label(
            doc = "The package, with image and modules.",
            allow_single_file = [".apk", ".deb"],
            mandatory = True,
        ),
    },
    provides = [KernelPackageInfo],
)
