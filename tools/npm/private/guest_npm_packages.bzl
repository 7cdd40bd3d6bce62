"""Implementation of the rule `guest_npm_packages`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

GuestNpmPackagesInfo = provider(
    doc = "npm packages for guests.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu, or None if they fit each one.",
        "archives": "depset of File: the unchanged packages of the registry.",
    },
)

def _guest_npm_packages_impl(ctx):
    archives = depset(ctx.files.archives)
    return [
        DefaultInfo(files = archives),
        GuestNpmPackagesInfo(architecture = ctx.attr.architecture or None, archives = archives),
    ]

guest_npm_packages = rule(
    doc = "npm packages for guests, installed for all users. The packers check the packages' descriptions and " +
          "all machine code in them.",
    implementation = _guest_npm_packages_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture; empty for packages that fit each one.", values = [""] + ARCHITECTURES.keys()),
        "archives": attr.label_list(doc = "`.tgz` files. Their dependencies are bundled with them, or are other npm packages of the image.", allow_files = [".tgz"], mandatory = True),
    },
    provides = [GuestNpmPackagesInfo],
)
