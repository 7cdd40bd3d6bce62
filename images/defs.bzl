"""Macros: the products of one architecture."""

load("//images/base:exclude.bzl", "EXCLUDE", "VARIANTS")
load("//tools/elfcheck:defs.bzl", "guest_binary")
load("//tools/extract_kernel:defs.bzl", "guest_kernel")
load("//tools/mkdisk:defs.bzl", "qcow2")
load("//tools/mkinitramfs:defs.bzl", "initramfs")
load("//tools/mkrootfs:defs.bzl", "rootfs")

# Modules that tiny-init loads, by the group whose wish on the kernel's command line it obeys. `always` is loaded at
# every boot. The packer adds what they need, and fails where one is neither a module nor built in.
_MODULES = {
    "always": [
        "virtio_pci",
        "virtio_mmio",
        "virtio_blk",
        "virtio_console",
        "ext4",
        "erofs",
    ],
    # Swap in compressed memory; the boot goes on without it.
    "zram": ["zram"],
    "net": [
        "net_failover",
        "virtio_net",
    ],
    "balloon": ["virtio_balloon"],
}

def guest(architecture):
    """Declares what all images of an architecture share: the programs, the kernel and the initramfs.

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
    guest_kernel(
        name = "vmlinuz_" + architecture,
        out = "vmlinuz-" + architecture,
        architecture = architecture,
        packages = "@kernel_{}//:packages".format(architecture),
    )
    initramfs(
        name = "initramfs_" + architecture,
        out = "initramfs-" + architecture,
        architecture = architecture,
        init = "tiny_init_" + architecture,
        kernel = "vmlinuz_" + architecture,
        modules = _MODULES,
    )

def image(variant, architecture, packages, specs):
    """Declares a root disk with the agent in it.

    Args:
        variant: name of the variant, such as python.
        architecture: aarch64 or x86_64.
        packages: Debian packages of the architecture.
        specs: filesystem specs that are laid over the packages.
    """
    name = "{}_{}".format(variant, architecture)
    rootfs(
        name = "rootfs_" + name,
        architecture = architecture,
        binaries = {"guest_agent_" + architecture: "usr/local/bin/guest-agent"},
        # What ca-certificates' maintainer script does.
        concatenate = {"etc/ssl/certs/ca-certificates.crt": "usr/share/ca-certificates/mozilla/*.crt"},
        exclude = EXCLUDE | VARIANTS[variant],
        packages = [packages],
        specs = specs,
    )
    qcow2(
        name = "qcow2_" + name,
        out = "{}-base-{}.qcow2".format(variant, architecture),
        architecture = architecture,
        rootfs = "rootfs_" + name,
    )
