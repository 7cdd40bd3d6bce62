"""Macro: a program that boots an image and runs code in it."""

load("@rules_python//python:defs.bzl", "py_binary")

def sandbox_runner(name, architecture, disk, kernel, initramfs, language, **kwargs):
    """A program for `bazel run`: boots an image with the locked QEMU, runs `--code` and exits with its exit code.

    Args:
        name: name of the target.
        architecture: architecture of the guest, on a machine of any architecture.
        disk: label of the root disk.
        kernel: label of the kernel.
        initramfs: label of the initramfs.
        language: language of the code unless `--language` says another: python, javascript or raw.
        **kwargs: of `py_binary`.
    """
    files = {
        "disk": disk,
        "initramfs": initramfs,
        "kernel": kernel,
        "qemu": Label("//tools/toolchains/qemu:qemu-system-" + architecture),
    }
    py_binary(
        name = name,
        srcs = [Label("//tools/sandbox:run_main.py")],
        args = [
            "--architecture=" + architecture,
            "--language=" + language,
        ] + [
            "--{}=$(rootpath {})".format(flag, label)
            for flag, label in files.items()
        ],
        data = files.values(),
        main = Label("//tools/sandbox:run_main.py"),
        deps = [Label("//tools/sandbox:run_main")],
        **kwargs
    )
