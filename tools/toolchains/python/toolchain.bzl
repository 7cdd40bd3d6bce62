"""Macro: the Python toolchain of one execution architecture."""

load("@debian//:defs.bzl", "debian_repository")
load("@rules_python//python:defs.bzl", "py_runtime")
load("@rules_python//python:py_runtime_pair.bzl", "py_runtime_pair")
load(":exec_tools.bzl", "python_exec_tools")

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
        # The interpreter is the locked one among the runfiles: Bazel's own template would look up `python3` on the PATH.
        bootstrap_template = "//tools/toolchains/python:start.sh",
        files = [tree + "files"],
        interpreter = interpreter,
        python_version = "PY3",
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
