"""Macros: what the images of one architecture share, an image, and a test of one. The last two are for other modules too."""

load("@debian//:defs.bzl", "debian_label")
load("//images/base:exclude.bzl", "DANGLING", "EXCLUDE")
load("//tools/elfcheck:defs.bzl", "guest_binary")
load("//tools/extract_kernel:defs.bzl", "guest_kernel", "vmlinux")
load("//tools/fsspec:defs.bzl", "filesystem_spec")
load("//tools/linux_kernel:defs.bzl", "linux_kernel")
load("//tools/mkdisk:defs.bzl", "qcow2")
load("//tools/mkdist:defs.bzl", "sbom")
load("//tools/mkinitramfs:defs.bzl", "initramfs")
load("//tools/mkrootfs:defs.bzl", "rootfs")
load("//tools/sandbox:defs.bzl", "sandbox_guest_test", "sandbox_program")

# Modules of Debian's kernel that tiny-init loads: `always` at every boot, the other groups for the devices that the machine has. The packer
# adds what they need, and fails where one is neither a module nor built in.
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
    # Swap in compressed memory; the boot goes on without it.
    "zram": ["zram"],
    "net": [
        "net_failover",
        "virtio_net",
    ],
    "balloon": ["virtio_balloon"],
    # Entropy of the host: without it two copies of a machine have the same random numbers.
    "rng": ["virtio_rng"],
}

# Machine that the images' own kernel boots on soonest, by architecture. Other kernels may not find its devices.
MACHINES = {
    "aarch64": "virt",
    "x86_64": "microvm",
}

def guest(architecture):
    """Declare what all images of an architecture share: the programs, the kernel and the initramfs; and Debian's kernel with its own.

    Args:
        architecture: aarch64 or x86_64.
    """
    guest_binary(
        name = "guest_agent_" + architecture,
        out = "guest-agent-linux-" + architecture,
        architecture = architecture,
        binary = "//agents/guest_agent",
    )
    guest_binary(
        name = "tiny_init_" + architecture,
        out = "tiny-init-" + architecture,
        architecture = architecture,
        binary = "//agents/tiny_init",
    )
    linux_kernel(
        name = "vmlinuz_" + architecture,
        out = "vmlinuz-" + architecture,
        architecture = architecture,
        configs = [
            "//images/kernel:common.config",
            "//images/kernel:{}.config".format(architecture),
        ],
        patches = [
            "//images/kernel:no-poison.patch",
            "//images/kernel:yama.patch",
        ],
        source = "//images/kernel:source",
    )
    vmlinux(
        name = "vmlinux_" + architecture,
        out = "vmlinux-" + architecture,
        kernel = "vmlinuz_" + architecture,
    )
    initramfs(
        name = "initramfs_" + architecture,
        out = "initramfs-" + architecture,
        architecture = architecture,
        init = "tiny_init_" + architecture,
    )
    guest_kernel(
        name = "vmlinuz_debian_" + architecture,
        out = "vmlinuz-debian-" + architecture,
        architecture = architecture,
        packages = debian_label("kernel_" + architecture),
    )
    vmlinux(
        name = "vmlinux_debian_" + architecture,
        out = "vmlinux-debian-" + architecture,
        kernel = "vmlinuz_debian_" + architecture,
    )
    initramfs(
        name = "initramfs_debian_" + architecture,
        out = "initramfs-debian-" + architecture,
        architecture = architecture,
        init = "tiny_init_" + architecture,
        kernel = "vmlinuz_debian_" + architecture,
        modules = DEBIAN_MODULES,
    )

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
    """Declare a root disk with the agent in it, what it is made of, and its bill of materials.

    It becomes `qcow2_NAME` (file `VARIANT-base-ARCHITECTURE.qcow2`), `rootfs_NAME` (tar and spec), `sbom_NAME` and
    `run_NAME` (a program that runs code in it).

    Args:
        name: tail of the targets' names, such as python_x86_64.
        variant: name of the variant, such as python; the first part of the file's name.
        architecture: aarch64 or x86_64. Anything of another one is an error of the analysis.
        layers: labels of root file systems to begin with, `rootfs_NAME` of another image: all that they are made of is
            in this one too, before what follows here.
        packages: labels of Debian packages of the architecture, `@NAME_ARCHITECTURE//:packages` of a `debian.archives`.
            Together with the layers' they are whole: what `//images/base` describes relies on at least the tools that
            every image has.
        wheels: labels of `guest_wheels` (`//tools/wheels:defs.bzl`) of the architecture: Python packages.
        npm_packages: labels of npm packages (`//tools/npm:extensions.bzl`, `guest_npm_packages`).
        specs: labels of filesystem specs laid over the packages, after `//images/base`.
        files: dict from the label of a file to its path in the image. Programs of one architecture go into a package,
            or through `guest_binary`.
        symlinks: dict from path to target of symbolic links, such as those of alternatives, which no maintainer script makes here.
        modes: dict from path of one of `files` to its attributes, such as `0755` or `0600 1000:1000`; else 0644 of root.
        exclude: dict from globs of all packages' files to leave out to the reason why, beside those of
            `//images/base:exclude.bzl`. `PACKAGE:GLOB` leaves out files of one package only.
        icu_exclude: dict from globs of items to leave out of the data of ICU to the reason why; for images that have it.
        allow_dangling_links: globs of symlinks that may lead to nothing.
        allow_foreign_code: globs of files that may be machine code of another architecture or system.
        strip: dict from globs of ELF files whose symbols and debugging information to leave out to the reason why.
        language: what `run_NAME` takes code for unless it is told: python, javascript or raw.
        python: label of a CPython of the image's version, for the machine that builds (`//tools/toolchains/python:python3.13`):
            it compiles the Python modules of all packages, so that no program in a guest has to. Images upon this one have it too.
        size_mib: size of the disk. Only what is used takes space in the file.
        kernel: label of the kernel that `run_NAME` boots; else `//images:vmlinux_{arch}`.
        initramfs: label of the initramfs that it boots with; else `//images:initramfs_{arch}`, which is for kernels without modules.
        machine: QEMU's machine that it boots on: `virt` for aarch64, `microvm` or `q35` for x86_64. Without one, x86_64 has `microvm` for
            the images' own kernel, and `q35` for a kernel that `kernel` names.
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
        # What ca-certificates' maintainer script does.
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
        machine: QEMU's machine, as of `sandbox_image`.
        **kwargs: attributes of the test, such as tags or timeout.
    """
    sandbox_guest_test(
        name = name,
        code = code,
        image = _parts(image, architecture, language, kernel, initramfs, machine),
        **kwargs
    )

def _parts(name, architecture, language, kernel, initramfs, machine):
    """Return what boots an image, for the macros of //tools/sandbox."""
    return {
        "architecture": architecture,
        "disk": "qcow2_" + name,
        "initramfs": initramfs or Label("//images:initramfs_" + architecture),
        # On x86_64 QEMU starts it without unpacking it first, as it does the compressed form.
        "kernel": kernel or Label("//images:vmlinux_" + architecture),
        "language": language,
        "machine": machine or (None if kernel else MACHINES[architecture]),
    }
