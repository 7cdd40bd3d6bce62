"""Macros: the products of this module, for all architectures. defs.bzl has the macros for images of other modules."""

load("@debian//:defs.bzl", "debian_label")
load("//images:defs.bzl", "DEBIAN_MODULES", "MACHINES", "sandbox_image")
load("//images/base:exclude.bzl", "VARIANTS")
load("//tools/elfcheck:defs.bzl", "guest_binary")
load("//tools/extract_kernel:defs.bzl", "guest_kernel", "vmlinux")
load("//tools/linux_kernel:defs.bzl", "linux_kernel")
load("//tools/mkdist:defs.bzl", "dist", "kernel_sbom", "publisher", "slsa_provenance")
load("//tools/mkinitramfs:defs.bzl", "initramfs")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

_PROGRAMS = ["guest_agent", "tiny_init"]

_KERNELS = ["vmlinux", "vmlinuz"]

def each(names):
    """Return the targets of products: `NAME_ARCHITECTURE` for each architecture.

    Args:
        names: list of names.
    """
    return ["{}_{}".format(name, architecture) for name in names for architecture in ARCHITECTURES]

def boots(variants):
    """Return the flags and the files of a program that boots disks, for every architecture.

    Args:
        variants: names of the variants.

    Returns:
        Struct with `args`, the flags `--disk` and `--guest`, and `data`, the labels that they name.
    """
    disks = [("//images:qcow2_{}_{}".format(variant, architecture), architecture) for variant in variants for architecture in ARCHITECTURES]
    guests = {
        architecture: [label + architecture for label in [
            "//tools/toolchains/qemu:qemu-system-",
            "//images:vmlinux_",
            "//images:initramfs_",
        ]]
        for architecture in ARCHITECTURES
    }
    return struct(
        args = ["--disk={}=$(rootpath {})".format(architecture, disk) for disk, architecture in disks] + [
            "--guest={}={},{}".format(
                architecture,
                ",".join(["$(rootpath {})".format(file) for file in files]),
                MACHINES[architecture],
            )
            for architecture, files in guests.items()
        ],
        data = [disk for disk, _ in disks] + [file for files in guests.values() for file in files],
    )

def programs():
    """Declare the project's own programs of guests."""
    for architecture in ARCHITECTURES:
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

def kernel(source, configs, patches):
    """Declare the kernel, compressed and not, the initramfs that boots it, and the bills of materials.

    Args:
        source: label of the kernel's source.
        configs: labels of fragments of the configuration; `{}` is the architecture.
        patches: labels of patches; `{}` is the architecture.
    """
    for architecture in ARCHITECTURES:
        linux_kernel(
            name = "vmlinuz_" + architecture,
            out = "vmlinuz-" + architecture,
            architecture = architecture,
            configs = [label.format(architecture) for label in configs],
            patches = [label.format(architecture) for label in patches],
            source = source,
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
            # 30 kB: an emulator boots them sooner without the code of a decompressor.
            compression = "none",
            init = "tiny_init_" + architecture,
        )
        for form in _KERNELS:
            kernel_sbom(
                name = "sbom_{}_{}".format(form, architecture),
                kernel = "{}_{}".format(form, architecture),
            )

def debian_kernel():
    """Declare Debian's kernel, compressed and not, and the initramfs with its modules."""
    for architecture in ARCHITECTURES:
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

def disks(variants):
    """Declare the disks of variants. The Debian packages of a variant are `rootfs_VARIANT` of `//images/base:debian.json`.

    Args:
        variants: dict from name to a dict of attributes of `sandbox_image`. In labels `{}` is the architecture, and `symlinks` are a dict
            from architecture to the links.
    """
    for name, attributes in variants.items():
        _disk(name, **attributes)

def _disk(name, npm_packages = [], symlinks = {}, wheels = [], **kwargs):
    for architecture in ARCHITECTURES:
        sandbox_image(
            name = "{}_{}".format(name, architecture),
            architecture = architecture,
            exclude = VARIANTS.get(name, {}),
            npm_packages = [label.format(architecture) for label in npm_packages],
            packages = [debian_label("rootfs_{}_{}".format(name, architecture))],
            specs = ["//images/base:" + name],
            symlinks = symlinks.get(architecture, {}),
            variant = name,
            wheels = [label.format(architecture) for label in wheels],
            **kwargs
        )

def provenance(image, packages, pins, parts = [], requirements = []):
    """Declare the provenance of an image.

    Args:
        image: name of the image's targets, without architecture.
        packages: names of the locks of the packages in it.
        pins: labels of files that pin the tools and external sources; `{}` is the architecture.
        parts: names of the project's own programs in it, without architecture.
        requirements: labels of files that pin the Python packages in it.
    """
    for architecture in ARCHITECTURES:
        slsa_provenance(
            name = "provenance_{}_{}".format(image, architecture),
            packages = ["//tools/debian/locks:{}.lock.json".format(lock) for lock in packages],
            parts = ["{}_{}".format(part, architecture) for part in parts],
            pins = [label.format(architecture) for label in pins],
            requirements = requirements,
            subject = "{}_{}".format(image, architecture),
        )

def distribution(name, disks, architectures = ARCHITECTURES.keys(), host_names = {}):
    """Declare a directory with all products, and `publish…`, which copies it.

    Args:
        name: name of the target, which begins with `dist`.
        disks: names of the variants whose disks are in it.
        architectures: list of architectures.
        host_names: dict from a variant to the name of its disk for hosts.
    """

    def of(*names):
        return ["{}_{}".format(image, architecture) for image in names for architecture in architectures]

    dist(
        name = name,
        binaries = of(*_PROGRAMS),
        initramfs = of("initramfs"),
        kernel_sboms = of(*["sbom_" + form for form in _KERNELS]),
        kernels = of(*_KERNELS),
        names = {
            "sbom_{}_{}".format(variant, architecture): "{}-base-{}".format(host_name, architecture)
            for variant, host_name in host_names.items()
            for architecture in architectures
        },
        provenance = of("provenance_initramfs", *(["provenance_" + form for form in _KERNELS] + ["provenance_qcow2_" + variant for variant in disks])),
        sboms = of(*["sbom_" + variant for variant in disks]),
    )
    publisher(
        name = name.replace("dist", "publish"),
        dist = name,
    )
