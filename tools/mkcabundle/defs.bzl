"""Rule: the bundle of certificate authorities."""

load("//tools/debian:providers.bzl", "DebianPackagesInfo")

def _ca_bundle_impl(ctx):
    packages = ctx.attr.packages[DebianPackagesInfo].packages
    output = ctx.actions.declare_file(ctx.label.name + ".crt")
    args = ctx.actions.args()
    args.add_all(packages, format_each = "--package=%s")
    args.add(output, format = "--output=%s")
    ctx.actions.run(
        executable = ctx.executable._mkcabundle,
        arguments = [args],
        inputs = packages,
        outputs = [output],
        mnemonic = "MakeCaBundle",
        progress_message = "Making bundle of certificate authorities %{label}",
    )
    return [DefaultInfo(files = depset([output]))]

ca_bundle = rule(
    doc = "The certificate authorities of the package ca-certificates, as one PEM file.",
    implementation = _ca_bundle_impl,
    attrs = {
        "packages": attr.label(doc = "Packages with ca-certificates among them.", providers = [DebianPackagesInfo], mandatory = True),
        "_mkcabundle": attr.label(default = "//tools/mkcabundle", executable = True, cfg = "exec"),
    },
)
