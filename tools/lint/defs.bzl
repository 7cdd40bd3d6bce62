"""Rule: a test that passes when its targets build.

```starlark
load("@rules_rust//rust:defs.bzl", "rust_clippy")
load("@sandbox_images//tools/lint:defs.bzl", "builds_test")

rust_clippy(
    name = "clippy",
    deps = [":counter"],
)

builds_test(
    name = "clippy_test",
    targets = [":clippy"],
)
```
"""

def _builds_test_impl(ctx):
    # skylib's build_test runs `touch` in an action, which no PATH here has.
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, "#!/bin/sh\nexit 0\n", is_executable = True)
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files = ctx.files.targets))]

builds_test = rule(
    doc = "Passes when its targets build, and fails to build when one does not: for checks that are actions, as clippy's are.",
    implementation = _builds_test_impl,
    attrs = {"targets": attr.label_list(doc = "The targets.", mandatory = True)},
    test = True,
)
