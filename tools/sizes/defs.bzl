"""Macro: sizes of files, and a test of their budgets.

```starlark
load("@sandbox_images//tools/sizes:defs.bzl", "size_table")

size_table(
    name = "sizes",
    budgets = "budgets.json",
    files = [":disk_x86_64"],
)
```
"""

load("@pip//:requirements.bzl", "requirement")
load("@rules_python//python:defs.bzl", "py_binary", "py_test")

def size_table(name, budgets, files):
    """Declare a program that prints the sizes of files beside their budgets, and a test of the same, `NAME_test`.

    Args:
        name: name of the program.
        budgets: file of budgets, see tools/sizes/README.md. Each file has one, and each budget a file.
        files: labels of the files, each of a target with one file.
    """
    main = Label("//tools/sizes:sizes_main.py")
    common = {
        "args": ["--budgets=$(rootpath {})".format(budgets)] + ["--file=$(rootpath {})".format(file) for file in files],
        "data": [budgets] + files,
        "main": main,
        "srcs": [main],
        "deps": [
            Label("//tools/sizes:lib"),
            requirement("absl-py"),
            Label("//tools/cli"),
        ],
    }
    py_binary(
        name = name,
        legacy_create_init = 0,
        **common
    )
    py_test(
        name = name + "_test",
        size = "small",
        legacy_create_init = 0,
        **common
    )
