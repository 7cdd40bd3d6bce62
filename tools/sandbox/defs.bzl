"""Macro: a program that boots images, runs code in them, copies files and opens shells."""

load("@rules_python//python:defs.bzl", "py_binary")

def sandbox_program(name, images, **kwargs):
    """A program for `bazel run`: boots images with the locked QEMU and drives them through their agents.

    Its commands and flags are those of `//tools/sandbox`; `--image` is needless where there is only one.

    Args:
        name: name of the target.
        images: dict from the name of an image to a dict of its parts: `architecture`, aarch64 or x86_64; `disk`,
            `kernel` and `initramfs`, labels; and `language`, what code is in unless `--language` says another.
        **kwargs: of `py_binary`.
    """
    files = {}
    for image in images.values():
        for file in _files(image):
            files[file] = None
    py_binary(
        name = name,
        srcs = [Label("//tools/sandbox:sandbox_main.py")],
        args = [
            "--available=" + ",".join(
                [image, parts["architecture"], parts["language"]] + ["$(rootpath {})".format(file) for file in _files(parts)],
            )
            for image, parts in images.items()
        ],
        data = files.keys(),
        main = Label("//tools/sandbox:sandbox_main.py"),
        deps = [Label("//tools/sandbox:sandbox_main")],
        **kwargs
    )

def _files(image):
    """Returns the files of an image, in the order of the program's flag."""
    qemu = Label("//tools/toolchains/qemu:qemu-system-" + image["architecture"])
    return [image["disk"], image["initramfs"], image["kernel"], qemu]
