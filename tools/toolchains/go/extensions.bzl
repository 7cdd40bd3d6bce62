"""Module extension: programs from Go modules, built by the locked compiler.

```starlark
# MODULE.bazel
go = use_extension("@sandbox_images//tools/toolchains/go:extensions.bzl", "go")
go.programs(
    name = "buildifier",
    mod = "//:go.mod",
    packages = ["github.com/bazelbuild/buildtools/buildifier"],
    sum = "//:go.sum",
)
use_repo(go, "buildifier")
```
"""

load("//tools/toolchains/go/private:programs.bzl", "go_programs")

_programs = tag_class(
    doc = "Programs of one `go.mod`, see private/programs.bzl.",
    attrs = {
        "mod": attr.label(doc = "`go.mod` that pins the versions of the programs' modules.", mandatory = True),
        "name": attr.string(doc = "Name of the repository.", mandatory = True),
        "packages": attr.string_list(doc = "Go packages of the programs, each named after its last part.", mandatory = True),
        "patches": attr.string_list_dict(
            doc = "Modules to their patches: `MODULE//FILE`, each a file of another module.",
        ),
        "sum": attr.label(doc = "`go.sum` that pins the modules' contents.", mandatory = True),
    },
)

def _go_impl(mctx):
    for module in mctx.modules:
        for tag in module.tags.programs:
            go_programs(
                name = tag.name,
                mod = tag.mod,
                packages = tag.packages,
                patches = tag.patches,
                sum = tag.sum,
            )

go = module_extension(
    doc = "Programs from Go modules, for the architecture of the build host.",
    implementation = _go_impl,
    tag_classes = {"programs": _programs},
)
