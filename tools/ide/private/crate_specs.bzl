"""Rule: descriptions of Rust targets for rust-analyzer."""

load("@rules_rust//rust:defs.bzl", "rust_analyzer_aspect")

def _crate_specs_impl(ctx):
    specs = depset(transitive = [target[OutputGroupInfo].rust_analyzer_crate_spec for target in ctx.attr.targets])
    return [DefaultInfo(files = specs, runfiles = ctx.runfiles(transitive_files = specs))]

crate_specs = rule(
    doc = "One JSON file, an output of rules_rust's aspect, for each crate of the targets and of their dependencies.",
    implementation = _crate_specs_impl,
    attrs = {
        "targets": attr.label_list(
            doc = "Rust libraries, programs and tests.",
            aspects = [rust_analyzer_aspect],
            mandatory = True,
        ),
    },
)
