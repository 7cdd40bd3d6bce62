"""Unpack the uncompressed kernel from a bootable image.

For x86_64 that is `vmlinux`, an ELF file with the PVH entry point: it boots without firmware that knows Linux, and
without decompression in the guest. For aarch64 it is the Image, which boot loaders start directly. Packages may contain
it compressed, as a file or as an EFI program that unpacks itself. Both may be in a unified kernel image.

Formats: Documentation/arch/x86/boot.rst; Documentation/arch/arm64/booting.rst;
drivers/firmware/efi/libstub/zboot-header.S; Xen's include/public/elfnote.h.
"""

from __future__ import annotations

import struct

from tools.cli import errors
from tools.elfcheck import elfcheck
from tools.extract_kernel import decompression, image, unified
from tools.extract_kernel.image import ImageError

UNPACKED_MAX = 512 * 2**20
"""Most bytes of an unpacked kernel: a limit against decompression bombs."""

_X86_SECTOR = 512
_X86_SECTORS, _X86_PAYLOAD = 0x1F1, 0x248
_ZBOOT_MAGIC = b"zimg"
_ZBOOT_PAYLOAD, _ZBOOT_METHOD = 8, 24
_LAYERS_MAX = 4
_CONFIG_START, _CONFIG_END = b"IKCFG_ST", b"IKCFG_ED"
_CONFIG_MAX = 2**24
_XEN = "Xen"
_PHYS32_ENTRY = 18
"""XEN_ELFNOTE_PHYS32_ENTRY: the start address of a PVH boot, in 32-bit mode."""


def unwrap(data: bytes, where: str) -> bytes:
    """Return the kernel image in a compressed file, an EFI program that unpacks itself or a unified kernel image.

    Other images are returned unchanged.

    Raises:
        CompressionError, ImageError: the compressed data is damaged.
    """
    for _ in range(_LAYERS_MAX):
        inner = _unwrap_once(data, where)
        if inner is None:
            return data
        data = inner
    raise ImageError(f"is wrapped more than {_LAYERS_MAX} times", where=where)


def bootable(data: bytes, unwrapped: bytes, architecture: str) -> bytes:
    """Return the form of an image that QEMU starts: the original for aarch64 if packed by gzip; otherwise unwrapped.

    Args:
        data: the original image.
        unwrapped: the result of `unwrap` for it.
        architecture: `aarch64` or `x86_64`.
    """
    packed = decompression.of(data) == "gzip" or (_is_zboot(data) and data[_ZBOOT_METHOD:].startswith(b"gzip\0"))
    return data if packed and architecture == "aarch64" else unwrapped


def check(data: bytes, architecture: str, release: str, where: str) -> None:
    """Check an unwrapped kernel image: like `image.check`, or like `check_vmlinux` for an ELF file.

    Raises:
        ElfError, ImageError: it is not a kernel image of the architecture, or of another release.
    """
    if not elfcheck.is_elf(data):
        image.check(data, architecture, release, where)
    elif architecture == "x86_64":
        check_vmlinux(data, release, where)
    else:
        raise ImageError(
            f"is an ELF file, which does not boot on {architecture}",
            where=where,
            fix="pass the package with its Image or vmlinuz",
        )


def embedded_config(data: bytes, where: str) -> bytes | None:
    """Return the configuration inside a kernel with CONFIG_IKCONFIG, or None.

    Args:
        data: an image that `check` accepted.
        where: its name in errors. The function raises none: nothing boots the unpacked data.
    """
    try:
        if image.is_bzimage(data):
            data = _unpacked(data, *_payload_of(data), where)
        start = data.find(_CONFIG_START)
        end = data.find(_CONFIG_END, start)
        if start < 0 or end < 0:
            return None
        return decompression.decompress(data[start + len(_CONFIG_START) : end], "gzip", _CONFIG_MAX, where)
    except errors.InputError:
        return None


def vmlinux(data: bytes, release: str, where: str) -> bytes:
    """Return the ELF file in an image that `check` accepted.

    Args:
        data: the bzImage, or the ELF file itself.
        release: expected `uname -r`.
        where: its name in errors.

    Raises:
        CompressionError, ElfError: its content is damaged, or not a kernel of x86_64.
        ImageError: it has no PVH entry point, or is of another release.
    """
    if elfcheck.is_elf(data):
        unpacked = data
    else:
        unpacked = _unpacked(data, *_payload_of(data), where)
        where = f"{where}: vmlinux"
    check_vmlinux(unpacked, release, where)
    # Behind the ELF file are the relocations that the bzImage's own code would apply to it.
    return unpacked[: elfcheck.size(unpacked, where)]


def check_vmlinux(data: bytes, release: str, where: str) -> None:
    """Check that an ELF file is a kernel of x86_64 with a PVH entry point.

    Args:
        data: the file; other bytes may follow.
        release: expected `uname -r`.
        where: its name in errors.

    Raises:
        ElfError: it is not a kernel of x86_64.
        ImageError: it has no PVH entry point, or is of another release.
    """
    elfcheck.check(data, "x86_64", elfcheck.Kind.KERNEL, where)
    entry = _entry(data, where)
    if entry is None:
        raise ImageError(
            "has no PVH entry point (the ELF note XEN_ELFNOTE_PHYS32_ENTRY)",
            where=where,
            fix="use a kernel with CONFIG_PVH=y, or boot its bzImage",
        )
    if not elfcheck.is_loaded(data, entry, where):
        raise ImageError(f"has a PVH entry point {entry:#x} outside of the loaded segments", where=where)
    if f"Linux version {release} ".encode() not in data:
        raise ImageError(f"has no banner of release {release}", where=where)


def _entry(data: bytes, where: str) -> int | None:
    for name, number, content in elfcheck.notes(data, where):
        # A 32-bit value, which a 64-bit kernel may write as 64 bits.
        if (name, number) == (_XEN, _PHYS32_ENTRY) and len(content) in (4, 8):
            return int.from_bytes(content, "little")
    return None


def _payload_of(data: bytes) -> tuple[int, int]:
    """Return offset and length of the packed kernel in a bzImage."""
    offset, length = struct.unpack_from("<II", data, _X86_PAYLOAD)
    return ((data[_X86_SECTORS] or 4) + 1) * _X86_SECTOR + offset, length


def _unwrap_once(data: bytes, where: str) -> bytes | None:
    name = decompression.of(data)
    if name:
        return decompression.decompress_file(data, name, UNPACKED_MAX, where, tail=True)
    if _is_zboot(data):
        offset, length = struct.unpack_from("<II", data.ljust(64, b"\0"), _ZBOOT_PAYLOAD)
        return _unpacked(data, offset, length, where)
    return unified.kernel(data, where)


def _is_zboot(data: bytes) -> bool:
    return data[:2] == b"MZ" and data[4:8] == _ZBOOT_MAGIC


def _unpacked(data: bytes, offset: int, length: int, where: str) -> bytes:
    if not length or offset + length > len(data):
        raise ImageError("is damaged: the kernel in it lies outside of the file", where=where)
    payload = data[offset : offset + length]
    name = decompression.of(payload)
    # CONFIG_KERNEL_UNCOMPRESSED.
    if name is None and elfcheck.is_elf(payload):
        return payload
    if name is None:
        raise ImageError(
            f"has a kernel of an unknown compression in it, which begins with {payload[:6].hex()}", where=where
        )
    return decompression.decompress(payload, name, UNPACKED_MAX, where)
