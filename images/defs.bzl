"""Macros: an image, and a test of one.

```starlark
load("@sandbox_images//images:defs.bzl", "sandbox_image", "sandbox_test")

sandbox_image(
    name = "numbers_x86_64",
    architecture = "x86_64",
    exclude = {"usr/share/numbers/tests/**": "no user runs them"},
    files = {"numbers.toml": "etc/numbers.toml"},
    layers = ["@sandbox_images//images:rootfs_python_x86_64"],
    packages = ["@numbers_x86_64//:packages"],
    variant = "numbers",
)

sandbox_test(
    name = "numbers_test",
    architecture = "x86_64",
    code = "numbers_test.py",
    image = "numbers_x86_64",
    language = "python",
)
```
"""

load("//images/base:exclude.bzl", "DANGLING", "EXCLUDE")
load("//tools/fsspec:defs.bzl", "filesystem_spec")
load("//tools/mkdisk:defs.bzl", "qcow2")
load("//tools/mkdist:defs.bzl", "sbom")
load("//tools/mkrootfs:defs.bzl", "rootfs")
load("//tools/sandbox:defs.bzl", "sandbox_guest_test", "sandbox_program")

# Modules of Debian's kernel that tiny-init loads: `always` at every boot, the other groups for the devices of the
# machine. The packer adds their dependencies, and fails if one is neither a module nor built in.
DEBIAN_MODULES = {
    "always": [
        "virtio_pci",
        "virtio_mmio",
        "virtio_blk",
        "virtio_console",
        "ext4",
        "erofs",
        "overlay",
    ],
    # Swap in compressed memory; the boot continues without it.
    "zram": ["zram"],
    "net": [
        "net_failover",
        "virtio_net",
    ],
    "balloon": ["virtio_balloon"],
    # Entropy of the host: without it, two copies of a machine have the same random numbers.
    "rng": ["virtio_rng"],
}

# The machine with the fastest boot of the images' own kernel, by architecture. Other kernels may not find its devices.
MACHINES = {
    "aarch64": "virt",
    "x86_64": "microvm",
}

def sandbox_image(
        name,
        variant,
        architecture,
        layers = [],
        packages = [],
        wheels = [],
        npm_packages = [],
        specs = [],
        files = {},
        symlinks = {},
        modes = {},
        exclude = {},
        icu_exclude = {},
        allow_dangling_links = [],
        allow_foreign_code = [],
        strip = {},
        language = "raw",
        python = None,
        size_mib = 2048,
        kernel = None,
        initramfs = None,
        machine = None,
        **kwargs):
    """Declare a root disk with the agent in it, its root file system, and its bill of materials.

    The targets are `qcow2_NAME` (file `VARIANT-base-ARCHITECTURE.qcow2`), `rootfs_NAME` (tar and spec), `sbom_NAME` and
    `run_NAME` (a program that runs code in the image).

    Args:
        name: tail of the targets' names, such as python_x86_64.
        variant: name of the variant, such as python; the first part of the file's name.
        architecture: aarch64 or x86_64. An input of another one is an analysis error.
        layers: labels of root file systems to begin with, `rootfs_NAME` of another image: the image contains all their
            inputs, before its own.
        packages: labels of Debian packages of the architecture, `@NAME_ARCHITECTURE//:packages` of a `debian.archives`.
            With those of the layers they must be complete: `//images/base` relies on at least the tools that every
            image contains.
        wheels: labels of `guest_wheels` (`//tools/wheels:defs.bzl`) of the architecture: Python packages.
        npm_packages: labels of npm packages (`//tools/npm:extensions.bzl`, `guest_npm_packages`).
        specs: labels of filesystem specs that may replace entries of packages, after `//images/base`.
        files: dict from the label of a file to its path in the image. Use a package, or `guest_binary`, for programs of
            one architecture.
        symlinks: dict from path to target of symbolic links, such as alternatives, since no maintainer script runs.
        modes: dict from path of one of `files` to its attributes, such as `0755` or `0600 1000:1000`; default 0644 of
            root.
        exclude: dict from globs of packages' files to exclude to the reason, in addition to
            `//images/base:exclude.bzl`. `PACKAGE:GLOB` excludes files of one package only.
        icu_exclude: dict from globs of items to exclude from the data of ICU to the reason; for images with ICU.
        allow_dangling_links: globs of symlinks that may lead to nothing.
        allow_foreign_code: globs of files that may be machine code of another architecture or system.
        strip: dict from globs of ELF files to strip of symbols and debugging information to the reason.
        language: default language of code for `run_NAME`: python, javascript or raw.
        python: label of a CPython of the image's version, for the build host (`//tools/toolchains/python:python3.13`):
            it compiles the Python modules of all packages, so that no program in a guest has to. Images with this one
            as a layer inherit it.
        size_mib: size of the disk. Only used blocks take space in the file.
        kernel: label of the kernel that `run_NAME` boots; default `//images:vmlinux_{arch}`.
        initramfs: label of its initramfs; default `//images:initramfs_{arch}`, which is for kernels without modules.
        machine: QEMU's machine of `run_NAME`: `virt` for aarch64, `microvm` or `q35` for x86_64. The default for x86_64
            is `microvm` for the images' own kernel, and `q35` with `kernel`.
        **kwargs: attributes of every target, such as visibility or tags.
    """
    extra = []
    if files or symlinks:
        extra.append(name + "_files")
        filesystem_spec(
            name = name + "_files",
            files = files,
            modes = modes,
            symlinks = symlinks,
            **kwargs
        )
    rootfs(
        name = "rootfs_" + name,
        allow_dangling_links = DANGLING + allow_dangling_links,
        allow_foreign_code = allow_foreign_code,
        architecture = architecture,
        binaries = {Label("//images:guest_agent_" + architecture): "usr/local/bin/guest-agent"},
        # As in the maintainer script of ca-certificates.
        concatenate = {"etc/ssl/certs/ca-certificates.crt": "usr/share/ca-certificates/mozilla/*.crt"},
        exclude = EXCLUDE | exclude,
        icu_exclude = icu_exclude,
        layers = layers,
        npm_packages = npm_packages,
        packages = packages,
        python = python,
        specs = [Label("//images/base")] + specs + extra,
        strip = strip,
        wheels = wheels,
        **kwargs
    )
    qcow2(
        name = "qcow2_" + name,
        out = "{}-base-{}.qcow2".format(variant, architecture),
        architecture = architecture,
        rootfs = "rootfs_" + name,
        size_mib = size_mib,
        **kwargs
    )
    sbom(
        name = "sbom_" + name,
        disk = "qcow2_" + name,
        **kwargs
    )
    sandbox_program(
        name = "run_" + name,
        images = {name: _parts(name, architecture, language, kernel, initramfs, machine)},
        **kwargs
    )

def sandbox_test(name, image, architecture, code, language = "raw", kernel = None, initramfs = None, machine = None, **kwargs):
    """Declare a test that boots an image and runs a program in it. It passes if the program exits with 0.

    Args:
        name: name of the test.
        image: name of a `sandbox_image` of the same package.
        architecture: architecture of the image.
        code: label of the program, a file.
        language: language of the program: python, javascript or raw.
        kernel: label of another kernel than `//images:vmlinux_{arch}`.
        initramfs: label of another initramfs than `//images:initramfs_{arch}`.
        machine: QEMU's machine, as for `sandbox_image`.
        **kwargs: attributes of the test, such as tags or timeout.
    """
    sandbox_guest_test(
        name = name,
        code = code,
        image = _parts(image, architecture, language, kernel, initramfs, machine),
        **kwargs
    )

def _parts(name, architecture, language, kernel, initramfs, machine):
    """Return the boot files of an image, for the macros of //tools/sandbox."""
    return {
        "architecture": architecture,
        "disk": "qcow2_" + name,
        "initramfs": initramfs or Label("//images:initramfs_" + architecture),
        # On x86_64 QEMU starts it directly; it would unpack the compressed form first.
        "kernel": kernel or Label("//images:vmlinux_" + architecture),
        "language": language,
        "machine": machine or (None if kernel else MACHINES[architecture]),
    }
