"""Rule: what rust-analyzer has to know of Rust targets."""

load("@rules_rust//rust:defs.bzl", "rust_analyzer_aspect")

def _crate_specs_impl(ctx):
    specs = depset(transitive = [target[OutputGroupInfo].rust_analyzer_crate_spec for target in ctx.attr.targets])
    return [DefaultInfo(files = specs, runfiles = ctx.runfiles(transitive_files = specs))]

crate_specs = rule(
    doc = "One JSON file for each crate of the targets and of what they depend on, as rules_rust's aspect writes it.",
    implementation = _crate_specs_impl,
    attrs = {
        "targets": attr.label_list(
            doc = "Rust libraries, programs and tests.",
            aspects = [rust_analyzer_aspect],
            mandatory = True,
        ),
    },
)
