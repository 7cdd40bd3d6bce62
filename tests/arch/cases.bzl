"""The cases that rules must refuse."""

load("@debian//:defs.bzl", "debian_label")
load("//tools/debian:defs.bzl", "debian_packages")
load("//tools/extract_kernel:defs.bzl", "guest_kernel", "kernel_package", "vmlinux")
load("//tools/mkdisk:defs.bzl", "qcow2")
load("//tools/mkdist:defs.bzl", "dist", "sbom", "slsa_provenance")
load("//tools/mkinitramfs:defs.bzl", "initramfs")
load("//tools/mkrootfs:defs.bzl", "rootfs")
load("//tools/sandbox:defs.bzl", "sandbox_program")

_AARCH64 = {"architecture": "aarch64"}

_X86_64 = {"architecture": "x86_64"}

# A sound initramfs and a sound machine, of which each case below replaces one part.
_INITRAMFS = _X86_64 | {
    "init": "//images:tiny_init_x86_64",
    "kernel": "//images:vmlinuz_x86_64",
    "modules": {"always": ["virtio_blk"]},
}

_MACHINE = _X86_64 | {
    "disk": "//images:qcow2_raw_x86_64",
    "initramfs": "//images:initramfs_x86_64",
    "kernel": "//images:vmlinuz_x86_64",
    "language": "raw",
}

# Something of the other architecture: case to the rule, its attributes, and the further words of the error, in addition to both architectures.
OTHER = {
    "disk_with_other_rootfs": (qcow2, _AARCH64 | {"rootfs": "//images:rootfs_python_x86_64"}, "//images:rootfs_python_x86_64"),
    "initramfs_with_other_init": (initramfs, _INITRAMFS | _AARCH64 | {"kernel": "//images:vmlinuz_aarch64"}, "//images:tiny_init_x86_64"),
    "initramfs_with_other_kernel": (initramfs, _INITRAMFS | {"kernel": "//images:vmlinuz_aarch64"}, "//images:vmlinuz_aarch64"),
    "initramfs_with_other_spec": (initramfs, _INITRAMFS | {"specs": [":spec_of_aarch64"]}, "//tests/arch:spec_of_aarch64"),
    "kernel_package_with_other_part": (kernel_package, _X86_64 | {"parts": [":package_of_aarch64"]}, "//tests/arch:package_of_aarch64"),
    "kernel_with_other_package": (guest_kernel, _X86_64 | {"packages": ":package_of_aarch64"}, "//tests/arch:package_of_aarch64"),
    "kernel_with_other_packages": (guest_kernel, _X86_64 | {"packages": debian_label("kernel_aarch64")}, "kernel_aarch64"),
    "packages_with_other_packages": (debian_packages, _X86_64 | {"deps": [debian_label("kernel_aarch64")]}, "kernel_aarch64"),
    "program_with_other_disk": (
        sandbox_program,
        {"images": {"image": _MACHINE | {"disk": "//images:qcow2_raw_aarch64"}}},
        "//images:qcow2_raw_aarch64",
    ),
    "program_with_other_initramfs": (
        sandbox_program,
        {"images": {"image": _MACHINE | {"initramfs": "//images:initramfs_aarch64"}}},
        "//images:initramfs_aarch64",
    ),
    "program_with_other_kernel": (
        sandbox_program,
        {"images": {"image": _MACHINE | {"kernel": "//images:vmlinuz_aarch64"}}},
        "//images:vmlinuz_aarch64",
    ),
    "provenance_with_other_part": (
        slsa_provenance,
        {
            "packages": [],
            "parts": ["//images:tiny_init_aarch64"],
            "pins": [],
            "subject": "//images:initramfs_x86_64",
        },
        "//images:tiny_init_aarch64",
    ),
    "rootfs_with_both_packages": (
        rootfs,
        _X86_64 | {"packages": [
            debian_label("rootfs_python_aarch64"),
            debian_label("rootfs_python_x86_64"),
        ]},
        "rootfs_python_aarch64",
    ),
    "rootfs_with_other_agent": (
        rootfs,
        _AARCH64 | {
            "binaries": {"//images:guest_agent_x86_64": "usr/local/bin/guest-agent"},
            "packages": [debian_label("rootfs_python_aarch64")],
        },
        "//images:guest_agent_x86_64",
    ),
    "rootfs_with_other_layer": (rootfs, _X86_64 | {"layers": ["//images:rootfs_raw_aarch64"]}, "//images:rootfs_raw_aarch64"),
    "rootfs_with_other_npm_packages": (
        rootfs,
        _X86_64 | {
            "npm_packages": [":npm_packages_of_aarch64"],
            "packages": [debian_label("rootfs_node_x86_64")],
        },
        "//tests/arch:npm_packages_of_aarch64",
    ),
    "rootfs_with_other_packages": (rootfs, _X86_64 | {"packages": [debian_label("rootfs_python_aarch64")]}, "rootfs_python_aarch64"),
    "rootfs_with_other_spec": (
        rootfs,
        _X86_64 | {
            "packages": [debian_label("rootfs_python_x86_64")],
            "specs": [":spec_of_aarch64"],
        },
        "//tests/arch:spec_of_aarch64",
    ),
    "rootfs_with_other_wheels": (
        rootfs,
        _X86_64 | {
            "packages": [debian_label("rootfs_python_x86_64")],
            "wheels": ["//images/wheels:python_aarch64"],
        },
        "//images/wheels:python_aarch64",
    ),
}

def bare_cases(bare):
    """Return the cases of a file where a program, kernel, tree or set of packages belongs: case to the rule and its attributes.

    Args:
        bare: label of the file.
    """
    return {
        "disk_with_bare_rootfs": (qcow2, _X86_64 | {"rootfs": bare}),
        "dist_with_bare_binaries": (dist, {"binaries": [bare]}),
        "dist_with_bare_initramfs": (dist, {"initramfs": [bare]}),
        "dist_with_bare_kernels": (dist, {"kernels": [bare]}),
        "dist_with_bare_provenance": (dist, {"provenance": [bare]}),
        "dist_with_bare_sboms": (dist, {"sboms": [bare]}),
        "initramfs_with_bare_init": (initramfs, _INITRAMFS | {"init": bare}),
        "initramfs_with_bare_kernel": (initramfs, _INITRAMFS | {"kernel": bare}),
        "initramfs_with_bare_spec": (initramfs, _INITRAMFS | {"specs": [bare]}),
        "kernel_with_bare_packages": (guest_kernel, _X86_64 | {"packages": bare}),
        "packages_with_bare_packages": (debian_packages, _X86_64 | {"deps": [bare]}),
        "program_with_bare_disk": (sandbox_program, {"images": {"image": _MACHINE | {"disk": bare}}}),
        "program_with_bare_initramfs": (sandbox_program, {"images": {"image": _MACHINE | {"initramfs": bare}}}),
        "program_with_bare_kernel": (sandbox_program, {"images": {"image": _MACHINE | {"kernel": bare}}}),
        "provenance_with_bare_part": (slsa_provenance, {
            "packages": [],
            "parts": [bare],
            "pins": [],
            "subject": "//images:initramfs_x86_64",
        }),
        "provenance_with_bare_subject": (slsa_provenance, {
            "packages": [],
            "pins": [],
            "subject": bare,
        }),
        "rootfs_with_bare_binary": (rootfs, _X86_64 | {"binaries": {bare: "usr/bin/agent"}}),
        "rootfs_with_bare_layer": (rootfs, _X86_64 | {"layers": [bare]}),
        "rootfs_with_bare_npm_packages": (rootfs, _X86_64 | {"npm_packages": [bare]}),
        "rootfs_with_bare_packages": (rootfs, _X86_64 | {"packages": [bare]}),
        "rootfs_with_bare_spec": (rootfs, _X86_64 | {"specs": [bare]}),
        "rootfs_with_bare_wheels": (rootfs, _X86_64 | {"wheels": [bare]}),
        "sbom_with_bare_disk": (sbom, {"disk": bare}),
        "vmlinux_with_bare_kernel": (vmlinux, {"kernel": bare}),
    }
