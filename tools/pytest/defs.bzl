"""Macros: test programs that run pytest.

```starlark
load("@sandbox_images//tools/pytest:defs.bzl", "pytest_test", "workspace_test")

pytest_test(
    name = "counter_test",
    size = "small",
    deps = [":counter"],
)

# Reads files of the workspace that are not its inputs.
workspace_test(name = "links_test")
```
"""

load("@pip//:requirements.bzl", "requirement")
load("@rules_python//python:defs.bzl", "py_test")

def pytest_test(name, srcs = None, deps = [], data = [], args = [], **kwargs):
    """Run test files with pytest.

    `bazel test --test_filter=EXPRESSION` selects tests as pytest's `-k` does. A test file without tests fails.

    Args:
        name: name of the test.
        srcs: test files; pytest only loads those named `conftest.py`. The default is `NAME.py`.
        deps: Python libraries.
        data: files that the tests read at run time.
        args: arguments of pytest.
        **kwargs: of `py_test`.
    """
    srcs = srcs or [name + ".py"]
    py_test(
        name = name,
        srcs = srcs + [Label("//tools/pytest:runner.py")],
        args = ["$(rootpath {})".format(src) for src in srcs if not src.endswith("conftest.py")] + args,
        data = data,
        legacy_create_init = 0,
        main = Label("//tools/pytest:runner.py"),
        deps = deps + [requirement("pytest")],
        **kwargs
    )

def workspace_test(name, srcs = None, data = [], tags = [], **kwargs):
    """Run test files that read the workspace itself. Bazel does not know these inputs, so the test runs every time.

    The workspace is the directory of the file that the runfile `MODULE.bazel` is a link to.

    Args:
        name: name of the test.
        srcs: test files, as for `pytest_test`.
        data: files that the tests read at run time.
        tags: further tags.
        **kwargs: of `pytest_test`.
    """
    pytest_test(
        name = name,
        srcs = srcs,
        data = data + [Label("//:MODULE.bazel")],
        tags = tags + [
            "external",
            "no-cache",
            "no-remote",
        ],
        **kwargs
    )
