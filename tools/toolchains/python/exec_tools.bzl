"""Rule: the toolchain of Python programs in actions, for rule sets that have such a type."""

def _python_exec_tools_impl(ctx):
    # The fields of rules_python's PyExecToolsInfo. The interpreter's launcher starts only beside its tree, so that there
    # is no `exec_interpreter`, which rules_python would link elsewhere.
    return [platform_common.ToolchainInfo(exec_tools = struct(
        exec_interpreter = None,
        exec_interpreter_version_info = None,
        exec_runtime = ctx.attr.runtimes[platform_common.ToolchainInfo].py3_runtime,
        precompiler = None,
    ))]

python_exec_tools = rule(
    doc = "Implementation of a toolchain of the type exec_tools_toolchain_type, which does not compile modules.",
    implementation = _python_exec_tools_impl,
    attrs = {
        "runtimes": attr.label(
            doc = "The `py_runtime_pair`.",
            mandatory = True,
            providers = [platform_common.ToolchainInfo],
        ),
    },
)
