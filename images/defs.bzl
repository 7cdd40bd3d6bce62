"""Macros: the products of one architecture."""

load("//images/base:exclude.bzl", "EXCLUDE")
load("//tools/elfcheck:defs.bzl", "guest_binary")
load("//tools/extract_kernel:defs.bzl", "guest_kernel", "kernel_file")
load("//tools/fsspec:defs.bzl", "filesystem_spec")
load("//tools/mkcabundle:defs.bzl", "ca_bundle")
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
        name = "kernel_" + architecture,
        architecture = architecture,
        packages = "@kernel_{}//:packages".format(architecture),
    )
    kernel_file(
        name = "vmlinuz_" + architecture,
        out = "vmlinuz-" + architecture,
        kernel = "kernel_" + architecture,
    )
    initramfs(
        name = "initramfs_" + architecture,
        out = "initramfs-" + architecture,
        architecture = architecture,
        init = "tiny_init_" + architecture,
        kernel = "kernel_" + architecture,
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
    ca_bundle(
        name = "ca_bundle_" + name,
        packages = packages,
    )
    filesystem_spec(
        name = "ca_spec_" + name,
        files = {"ca_bundle_" + name: "etc/ssl/certs/ca-certificates.crt"},
        # Where OpenSSL looks.
        symlinks = {"usr/lib/ssl/cert.pem": "/etc/ssl/certs/ca-certificates.crt"},
    )
    rootfs(
        name = "rootfs_" + name,
        architecture = architecture,
        binaries = {"guest_agent_" + architecture: "usr/local/bin/guest-agent"},
        exclude = EXCLUDE,
        packages = packages,
        specs = specs + ["ca_spec_" + name],
    )
    qcow2(
        name = "qcow2_" + name,
        out = "{}-base-{}.qcow2".format(variant, architecture),
        architecture = architecture,
        rootfs = "rootfs_" + name,
    )
