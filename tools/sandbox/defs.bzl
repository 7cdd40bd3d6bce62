"""Macros: a program that boots images, runs code in them, copies files and opens shells; and a test in a guest.

```starlark
load("@sandbox_images//tools/sandbox:defs.bzl", "sandbox_guest_test", "sandbox_program")

_IMAGE = {
    "architecture": "x86_64",
    "disk": ":disk_x86_64",
    "initramfs": ":initramfs_x86_64",
    "kernel": ":vmlinuz_x86_64",
    "language": "python",
}

sandbox_program(
    name = "run",
    images = {"numbers": _IMAGE},
)

sandbox_guest_test(
    name = "numbers_test",
    code = "numbers_test.py",
    image = _IMAGE,
)
```
"""

load("@rules_python//python:defs.bzl", "py_binary", "py_test")
load("//tools/sandbox/private:machine_parts.bzl", "machine_parts")

def sandbox_program(name, images, **kwargs):
    """Declare a program for `bazel run`, which boots images with the locked QEMU and drives them through their agents.

    It has the commands and flags of `//tools/sandbox`. With a single image, `--image` is optional.

    Args:
        name: name of the target.
        images: dict from the name of an image to a dict of its parts: `architecture`, aarch64 or x86_64; `disk`,
            `kernel` and `initramfs`, labels of such targets for that architecture; and `language`, the default of
            `--language`. `machine` is optional: `virt` for aarch64, `q35` or `microvm` for x86_64. The default is a
            machine on which any kernel boots. `microvm` is for kernels that find virtio-mmio devices by their command
            line, such as the images' own.
        **kwargs: of `py_binary`.
    """
    _program(py_binary, name, images, **kwargs)

def sandbox_guest_test(name, image, code, tags = [], **kwargs):
    """Declare a test that boots an image and runs a program in it. It passes if the program exits with 0.

    Args:
        name: name of the test.
        image: dict of the image's parts, as for `sandbox_program`.
        code: label of the program, a file, in the image's language.
        tags: further tags beside the architecture, for filters.
        **kwargs: of `py_test`.
    """
    _program(
        py_test,
        name,
        {name: image},
        # The highest limit: the test's own timeout ends a test that hangs.
        args = ["run", "--file=$(rootpath {})".format(code), "--timeout=300"],
        data = [code],
        size = "large",
        tags = tags + [image["architecture"]],
        **kwargs
    )

def _program(rule, name, images, args = [], data = [], **kwargs):
    files = {}
    for image, parts in images.items():
        for file in _files(parts).values():
            files[file] = None

        # Plain files would lose the check that all parts have the same architecture.
        checked = "{}_{}_parts".format(name, image)
        files[checked] = None
        machine_parts(
            name = checked,
            architecture = parts["architecture"],
            disk = parts["disk"],
            initramfs = parts["initramfs"],
            kernel = parts["kernel"],
            tags = kwargs.get("tags"),
            testonly = kwargs.get("testonly", rule == py_test),
        )
    rule(
        name = name,
        srcs = [Label("//tools/sandbox:sandbox_main.py")],
        # Quoted: Bazel splits arguments like a shell.
        args = ["'--available={}'".format(json.encode(_available(image, parts))) for image, parts in images.items()] + args,
        data = files.keys() + data,
        legacy_create_init = 0,
        main = Label("//tools/sandbox:sandbox_main.py"),
        deps = [Label("//tools/sandbox:sandbox_main")],
        **kwargs
    )

def _files(parts):
    """Return the files of an image, by their names in the program's flag."""
    qemu = Label("//tools/toolchains/qemu:qemu-system-" + parts["architecture"])
    return {"disk": parts["disk"], "initramfs": parts["initramfs"], "kernel": parts["kernel"], "qemu": qemu}

def _available(name, parts):
    """Return the value of the program's flag for an image."""
    described = {"architecture": parts["architecture"], "language": parts["language"], "name": name}
    if parts.get("machine"):
        described["machine"] = parts["machine"]
    return described | {part: "$(rootpath {})".format(file) for part, file in _files(parts).items()}
