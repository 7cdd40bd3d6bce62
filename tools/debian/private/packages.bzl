"""Rule: a set of `.deb` files with their architecture."""

load("//tools/debian:providers.bzl", "DebianPackagesInfo")

def _debian_packages_impl(ctx):
    packages = []
    for dep in ctx.attr.deps:
        info = dep[DebianPackagesInfo]
        if info.architecture != ctx.attr.architecture:
            fail("{}: is of architecture {} and its dep {} of {}".format(ctx.label, ctx.attr.architecture, dep.label, info.architecture))
        packages.append(info.packages)
    files = depset(ctx.files.packages, transitive = packages, order = "preorder")
    return [
        DefaultInfo(files = files),
        DebianPackagesInfo(architecture = ctx.attr.architecture, packages = files),
    ]

debian_packages = rule(
    doc = "Debian packages of one architecture. The packers check what the packages themselves say.",
    implementation = _debian_packages_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture.", values = ["aarch64", "x86_64"], mandatory = True),
        "deps": attr.label_list(doc = "Other sets to include; of the same architecture.", providers = [DebianPackagesInfo]),
        "packages": attr.label_list(doc = "`.deb` files.", allow_files = [".deb"]),
    },
    provides = [DebianPackagesInfo],
)
