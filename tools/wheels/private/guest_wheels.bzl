"""Implementation of the rule `guest_wheels`."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

GuestWheelsInfo = provider(
    doc = "Python packages for guests of one architecture.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu.",
        "library": "Directory of the image that the modules go to.",
        "wheels": "depset of File: the wheels.",
    },
)

def _guest_wheels_impl(ctx):
    wheels = depset(ctx.files.wheels)
    return [
        DefaultInfo(files = wheels),
        GuestWheelsInfo(architecture = ctx.attr.architecture, library = ctx.attr.library, wheels = wheels),
    ]

guest_wheels = rule(
    doc = "Python packages for guests of one architecture. The packers check what the wheels themselves say, and every " +
          "ELF file in them.",
    implementation = _guest_wheels_impl,
    attrs = {
        "architecture": attr.string(doc = "Architecture.", values = ARCHITECTURES.keys(), mandatory = True),
        "library": attr.string(
            doc = "Directory of the image, relative to its root, where its Python looks for modules. Programs go to usr/local/bin.",
            mandatory = True,
        ),
        "wheels": attr.label_list(doc = "`.whl` files: a list of `whl_requirement`, or `all_whl_requirements`.", allow_files = [".whl"], mandatory = True),
    },
    provides = [GuestWheelsInfo],
)
