"""Implementation of the rule `guest_npm_packages`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

GuestNpmPackagesInfo = provider(
    doc = "npm packages for guests.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu, or None where they fit each one.",
        "archives": "depset of File: the packages, as the registry has them.",
    },
)

def _guest_npm_packages_impl(ctx):
    archives = depset(ctx.files.archives)
    return [
        DefaultInfo(files = archives),
        GuestNpmPackagesInfo(architecture = ctx.attr.architecture or None, archives = archives),
    ]

guest_npm_packages = rule(
    doc = "npm packages for guests, to be installed for all users. The packers check what the packages themselves say, and " +
          "all machine code in them.",
    implementation = _guest_npm_packages_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture; empty for packages that fit each one.", values = [""] + ARCHITECTURES.keys()),
        "archives": attr.label_list(doc = "`.tgz` files. What they depend on is bundled with them, or is another npm package of the image.", allow_files = [".tgz"], mandatory = True),
    },
    provides = [GuestNpmPackagesInfo],
)
