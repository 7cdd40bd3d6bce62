"""Macro: a test program that runs pytest."""

load("@pip//:requirements.bzl", "requirement")
load("@rules_python//python:defs.bzl", "py_test")

def pytest_test(name, srcs, deps = [], data = [], args = [], **kwargs):
    """Runs test files with pytest.

    `bazel test --test_filter=EXPRESSION` selects tests as pytest's `-k` does. A test file without tests fails.

    Args:
        name: name of the test.
        srcs: test files; those named `conftest.py` are only loaded.
        deps: Python libraries.
        data: files that the tests read at run time.
        args: arguments of pytest.
        **kwargs: of `py_test`.
    """
    py_test(
        name = name,
        srcs = srcs + [Label("//tools/pytest:runner.py")],
        args = ["$(rootpath {})".format(src) for src in srcs if not src.endswith("conftest.py")] + args,
        data = data,
        main = Label("//tools/pytest:runner.py"),
        deps = deps + [requirement("pytest")],
        **kwargs
    )
