"""Takes the uncompressed kernel out of a bootable image.

For x86_64 that is `vmlinux`, an ELF file with the PVH entry point: whoever boots it needs no firmware
that knows Linux, and the guest no time to decompress it. For aarch64 it is the Image, which boot loaders
take as it is; packages may have it compressed, by gzip or as an EFI program that unpacks itself.

Formats: Documentation/arch/x86/boot.rst; Documentation/arch/arm64/booting.rst;
drivers/firmware/efi/libstub/zboot-header.S; Xen's include/public/elfnote.h.
"""

from __future__ import annotations

import struct

from tools.elfcheck import elfcheck
from tools.extract_kernel import decompression
from tools.extract_kernel.image import ImageError

UNPACKED_MAX = 512 * 2**20
"""Most bytes that a kernel may have unpacked: a bound against decompression bombs."""

_X86_SECTOR = 512
_X86_SECTORS, _X86_PAYLOAD = 0x1F1, 0x248
_ZBOOT_MAGIC = b"zimg"
_ZBOOT_PAYLOAD = 8
_XEN = "Xen"
_PHYS32_ENTRY = 18
"""XEN_ELFNOTE_PHYS32_ENTRY: the address where a PVH boot starts, in 32-bit mode."""


def unwrap(data: bytes, where: str) -> bytes:
    """Returns the arm64 Image in a compressed one; any other kernel image as it is.

    Raises:
        CompressionError, ImageError: what is compressed is damaged.
    """
    if decompression.of(data) == "gzip":
        return decompression.decompress(data, "gzip", UNPACKED_MAX, where)
    if data[:2] == b"MZ" and data[4:8] == _ZBOOT_MAGIC:
        offset, length = struct.unpack_from("<II", data.ljust(64, b"\0"), _ZBOOT_PAYLOAD)
        return _unpacked(data, offset, length, where)
    return data


def vmlinux(data: bytes, release: str, where: str) -> bytes:
    """Returns the ELF file in a bzImage that `image.check` accepted.

    Args:
        data: the bzImage.
        release: what `uname -r` shall say.
        where: its name in errors.

    Raises:
        CompressionError, ElfError: what is in it is damaged, or no kernel of x86_64.
        ImageError: it has no PVH entry point, or is of another release.
    """
    offset, length = struct.unpack_from("<II", data, _X86_PAYLOAD)
    start = ((data[_X86_SECTORS] or 4) + 1) * _X86_SECTOR + offset
    unpacked = _unpacked(data, start, length, where)
    where = f"{where}: vmlinux"
    check_vmlinux(unpacked, release, where)
    # Behind the ELF file are the relocations that the bzImage's own code would apply to it.
    return unpacked[: elfcheck.size(unpacked, where)]


def check_vmlinux(data: bytes, release: str, where: str) -> None:
    """Checks that an ELF file is a kernel of x86_64 with a PVH entry point.

    Args:
        data: the file; something may stand behind it.
        release: what `uname -r` shall say.
        where: its name in errors.

    Raises:
        ElfError: it is no kernel of x86_64.
        ImageError: it has no PVH entry point, or is of another release.
    """
    elfcheck.check(data, "x86_64", elfcheck.Kind.KERNEL, where)
    entry = _entry(data, where)
    if entry is None:
        raise ImageError(
            "has no PVH entry point (the ELF note XEN_ELFNOTE_PHYS32_ENTRY)",
            where=where,
            fix="take a kernel with CONFIG_PVH=y, or boot its bzImage",
        )
    if not elfcheck.is_loaded(data, entry, where):
        raise ImageError(f"has a PVH entry point {entry:#x} outside of what is loaded", where=where)
    if f"Linux version {release} ".encode() not in data:
        raise ImageError(f"has no banner of release {release}", where=where)


def _entry(data: bytes, where: str) -> int | None:
    for name, number, content in elfcheck.notes(data, where):
        # A word of 32 bits, which a kernel of 64 bits may write as one of 64.
        if (name, number) == (_XEN, _PHYS32_ENTRY) and len(content) in (4, 8):
            return int.from_bytes(content, "little")
    return None


def _unpacked(data: bytes, offset: int, length: int, where: str) -> bytes:
    if not length or offset + length > len(data):
        raise ImageError("is damaged: the kernel in it lies outside of the file", where=where)
    payload = data[offset : offset + length]
    name = decompression.of(payload)
    if name is None:
        raise ImageError(
            f"has a kernel of an unknown compression in it, which begins with {payload[:6].hex()}", where=where
        )
    return decompression.decompress(payload, name, UNPACKED_MAX, where)
