"""Macro: a program that publishes a distribution."""

load("@rules_python//python:defs.bzl", "py_binary")

def publisher(name, dist, **kwargs):
    """Declare a program for `bazel run`, which replaces the directory `--out=DIR` atomically with a copy of a distribution.

    Args:
        name: name of the target.
        dist: a target of the rule `dist`.
        **kwargs: of `py_binary`.
    """
    py_binary(
        name = name,
        srcs = [Label("//tools/mkdist:publish_main.py")],
        args = ["--dist=$(rootpath {})".format(dist)],
        data = [dist],
        legacy_create_init = 0,
        main = Label("//tools/mkdist:publish_main.py"),
        deps = [Label("//tools/mkdist:publish_main")],
        **kwargs
    )
