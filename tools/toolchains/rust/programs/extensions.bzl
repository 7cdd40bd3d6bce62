"""Module extension: programs from crates, built by the locked compiler."""

load("//tools/toolchains/rust/programs/private:program.bzl", "rust_program")

_program = tag_class(
    doc = "A program of one crate, see private/program.bzl.",
    attrs = {
        "crate": attr.string(doc = "Name of the crate, which brings a Cargo.lock.", mandatory = True),
        "name": attr.string(doc = "Name of the repository, and of the program.", mandatory = True),
        "patches": attr.label_list(doc = "Patches of the crate, whose files are `a/crate/…` and `b/crate/…`."),
        "sha256": attr.string(doc = "Checksum of the crate.", mandatory = True),
        "version": attr.string(doc = "Version of the crate.", mandatory = True),
    },
)

def _rust_programs_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.program:
            rust_program(
                name = tag.name,
                crate = tag.crate,
                patches = tag.patches,
                program = tag.name,
                sha256 = tag.sha256,
                version = tag.version,
            )

rust_programs = module_extension(
    doc = "Programs from crates. Each runs on machines of the architecture that Bazel runs on.",
    implementation = _rust_programs_impl,
    tag_classes = {"program": _program},
)
