"""Implementation of the rule `kernel_package`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")

KernelPackageInfo = provider(
    doc = "Packages of one kernel of one architecture, from outside of the Debian lock.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu. `guest_kernel` compares it with packages, image and modules.",
        "packages": "Depset of Files: the `.deb` or `.apk` files.",
    },
)

def _kernel_package_impl(ctx):
    if bool(ctx.file.package) == bool(ctx.attr.parts):
        fail("{}: give either `package`, one file with the whole kernel, or `parts`, its several packages".format(ctx.label))
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
    doc = "A kernel package, or the several packages of one kernel, for `guest_kernel`. To download a package, use the " +
          "module extension `kernels`, which pins it.",
    implementation = _kernel_package_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture of the kernel.", values = ARCHITECTURES.keys(), mandatory = True),
        "package": attr.label(
            doc = "The package, with image and modules, or with a part of them.",
            allow_single_file = [".apk", ".deb"],
        ),
        "parts": attr.label_list(
            doc = "Instead of `package`: targets of this rule, which together contain one kernel.",
            providers = [KernelPackageInfo],
        ),
    },
    provides = [KernelPackageInfo],
)
