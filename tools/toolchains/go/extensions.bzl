"""Module extension: programs from Go modules, built by the locked compiler."""

load("//tools/toolchains/go/private:program.bzl", "go_program")

_program = tag_class(
    doc = "One program, see private/program.bzl.",
    attrs = {
        "mod": attr.label(doc = "`go.mod` that pins the versions of the program's modules.", mandatory = True),
        "name": attr.string(doc = "Name of the repository and of the program.", mandatory = True),
        "package": attr.string(doc = "Go package of the program.", mandatory = True),
        "sum": attr.label(doc = "`go.sum` that pins the modules' contents.", mandatory = True),
    },
)

def _go_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.program:
            go_program(
                name = tag.name,
                mod = tag.mod,
                package = tag.package,
                program = tag.name,
                sum = tag.sum,
            )

go = module_extension(
    doc = "Programs from Go modules. Each runs on machines of the architecture that Bazel runs on.",
    implementation = _go_impl,
    tag_classes = {"program": _program},
)
