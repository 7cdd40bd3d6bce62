"""Macro: the Python toolchain of one execution architecture."""

load("@debian//:defs.bzl", "debian_repository")
load("@rules_python//python:defs.bzl", "py_runtime")
load("@rules_python//python:py_runtime_pair.bzl", "py_runtime_pair")
load(":exec_tools.bzl", "python_exec_tools")

# rules_python starts a program with a Python script, for which it would look up `python3` on the PATH. These lines turn
# that script into a shell script first, which finds the locked interpreter in the runfiles; Python reads them as a
# docstring.
_SHEBANG = """\
#!/bin/sh
'''':
for runfiles in "$0.runfiles" "${{RUNFILES_DIR:-}}" "${{0%%.runfiles/*}}.runfiles"; do
  python="$runfiles/{interpreter}"
  if [ -x "$python" ]; then exec "$python" "$0" "$@"; fi
done
echo "$0: its runfiles, with the interpreter, are not beside it: start it with 'bazel run'" >&2
exit 2
'''
"""

def python_toolchain(name, architecture):
    """Declare and constrain the toolchain.

    Args:
        name: name of the `toolchain` target.
        architecture: architecture that the interpreter runs on.
    """
    tree = debian_repository("python_" + architecture) + "//:"
    interpreter = Label(tree + "usr/bin/python3")
    py_runtime(
        name = name + "_runtime",
        files = [tree + "files"],
        interpreter = interpreter,
        python_version = "PY3",
        stub_shebang = _SHEBANG.format(interpreter = interpreter.workspace_name + "/" + interpreter.name),
        tags = ["manual"],
    )
    py_runtime_pair(
        name = name + "_runtimes",
        py3_runtime = name + "_runtime",
        tags = ["manual"],
    )
    python_exec_tools(
        name = name + "_exec_tools",
        runtimes = name + "_runtimes",
        tags = ["manual"],
        # Of the repository that declares the toolchain.
        visibility = ["//visibility:public"],
    )
    native.toolchain(
        name = name,
        target_compatible_with = [
            "@platforms//cpu:" + architecture,
            "@platforms//os:linux",
        ],
        toolchain = name + "_runtimes",
        toolchain_type = "@bazel_tools//tools/python:toolchain_type",
    )
