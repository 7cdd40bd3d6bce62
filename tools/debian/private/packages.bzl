"""Rule: a set of `.deb` files with their architecture."""

load("//tools/debian:providers.bzl", "DebianPackagesInfo")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")
load("//tools/platforms:check.bzl", "check_architecture")

def _debian_packages_impl(ctx):
    check_architecture(ctx, [(dep, dep[DebianPackagesInfo].architecture) for dep in ctx.attr.deps])
    packages = [dep[DebianPackagesInfo].packages for dep in ctx.attr.deps]
    files = depset(ctx.files.packages, transitive = packages, order = "preorder")
    return [
        DefaultInfo(files = files),
        DebianPackagesInfo(architecture = ctx.attr.architecture, packages = files),
    ]

debian_packages = rule(
    doc = "Debian packages of one architecture. The packers check what the packages themselves say.",
    implementation = _debian_packages_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture.", values = ARCHITECTURES.keys(), mandatory = True),
        "deps": attr.label_list(doc = "Other sets to include; of the same architecture.", providers = [DebianPackagesInfo]),
        "packages": attr.label_list(doc = "`.deb` files.", allow_files = [".deb"]),
    },
    provides = [DebianPackagesInfo],
)
