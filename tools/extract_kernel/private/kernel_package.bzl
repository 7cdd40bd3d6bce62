"""Implementation of the rule `kernel_package`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")

KernelPackageInfo = provider(
    doc = "Packages of one kernel of one architecture that are not of the Debian archive's lock.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu. `guest_kernel` checks that packages, image and modules say the same.",
        "packages": "Depset of Files: the `.deb` or `.apk` files.",
    },
)

def _kernel_package_impl(ctx):
    if bool(ctx.file.package) == bool(ctx.attr.parts):
        fail("{}: give either `package`, one file with the whole kernel, or `parts`, the packages that it is split into".format(ctx.label))
    check_architecture(ctx, [(part, part[KernelPackageInfo].architecture) for part in ctx.attr.parts])
    packages = depset(
        [ctx.file.package] if ctx.file.package else [],
        transitive = [part[KernelPackageInfo].packages for part in ctx.attr.parts],
    )
    return [
        DefaultInfo(files = packages),
        KernelPackageInfo(architecture = ctx.attr.architecture, packages = packages),
    ]

kernel_package = rule(
    doc = "A kernel package, or the packages that one kernel is split into, for `guest_kernel`. What is downloaded comes through the " +
          "module extension `kernels`, which pins it.",
    implementation = _kernel_package_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the kernel.", values = ARCHITECTURES.keys(), mandatory = True),
        "package": attr.label(
            doc = "The package, with image and modules or a part of them.",
            allow_single_file = [".apk", ".deb"],
        ),
        "parts": attr.label_list(
            doc = "Instead of `package`: targets of this rule, which together have one kernel.",
            providers = [KernelPackageInfo],
        ),
    },
    provides = [KernelPackageInfo],
)
