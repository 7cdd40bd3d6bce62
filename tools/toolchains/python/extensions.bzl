"""Module extension: toolchains of types that only some versions of rules_python have."""

load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

_TYPE = "exec_tools_toolchain_type"

_TOOLCHAIN = """\
toolchain(
    name = "{architecture}",
    exec_compatible_with = [
        "{cpu}",
        "{linux}",
    ],
    toolchain = "{implementation}",
    toolchain_type = "{type}",
)
"""

def _exec_tools_repository_impl(rctx):
    directory = rctx.path(rctx.attr.defs).dirname
    builds = [directory.get_child(name) for name in ["BUILD.bazel", "BUILD"]]
    text = "".join([rctx.read(build) for build in builds if build.exists])
    toolchains = [
        _TOOLCHAIN.format(
            architecture = architecture,
            cpu = Label("@platforms//cpu:" + architecture),
            implementation = Label("//tools/toolchains/python:{}_exec_tools".format(architecture)),
            linux = Label("@platforms//os:linux"),
            type = Label("@rules_python//python:" + _TYPE),
        )
        for architecture in ARCHITECTURES
    ]
    rctx.file("BUILD.bazel", "\n".join(toolchains) if _TYPE in text else "")

_exec_tools_repository = repository_rule(
    implementation = _exec_tools_repository_impl,
    attrs = {"defs": attr.label(default = "@rules_python//python:defs.bzl")},
)

def _exec_tools_impl(_mctx):
    _exec_tools_repository(name = "sandbox_images_python_exec_tools")

exec_tools = module_extension(
    doc = "Toolchains of the type exec_tools_toolchain_type, if this rules_python has the type: with the type and no " +
          "toolchain, rules_python downloads an interpreter.",
    implementation = _exec_tools_impl,
)
