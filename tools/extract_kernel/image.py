"""Check bootable kernel images.

Formats: Documentation/arch/x86/boot.rst (bzImage) and Documentation/arch/arm64/booting.rst (Image).
"""

from __future__ import annotations

import struct

from tools.cli import errors

_X86_SECTOR = 512
_X86_FLAG, _X86_MAGIC, _X86_PROTOCOL, _X86_VERSION = 0x1FE, 0x202, 0x206, 0x20E
_X86_SYSSIZE, _X86_XLOADFLAGS = 0x1F4, 0x236
_X86_END = 0x268
_X86_PROTOCOL_MIN = 0x20C
_XLF_KERNEL_64 = 1
_ARM64_MAGIC = 56
_ARM64_HEADER = 64
_ARM64_BIG_ENDIAN = 1


class ImageError(errors.InputError):
    """A file that is not a kernel image of the architecture, or of another release."""


def check(data: bytes, architecture: str, release: str, where: str) -> None:
    """Check a kernel image.

    Args:
        data: the whole image.
        architecture: `aarch64` or `x86_64`.
        release: expected `uname -r`, such as `6.12.1-cloud-arm64`.
        where: its name in errors.

    Raises:
        ImageError: no boot loader for the architecture would accept it, or it is of another release.
    """
    found = _architecture(data)
    if found != architecture:
        raise ImageError(
            f"is a kernel image of {found}, not one of {architecture}"
            if found
            else f"is not a kernel image of {architecture}",
            where=where,
            fix=f"pass a kernel package of {architecture}",
        )
    reason = _x86_64(data, release) if architecture == "x86_64" else _aarch64(data, release)
    if reason:
        raise ImageError(reason, where=where)


def is_bzimage(data: bytes) -> bool:
    """Return whether an image is an x86 image."""
    return data[_X86_MAGIC : _X86_MAGIC + 4] == b"HdrS"


def _architecture(data: bytes) -> str:
    if is_bzimage(data):
        return "x86_64"
    if data[_ARM64_MAGIC : _ARM64_MAGIC + 4] == b"ARM\x64":
        return "aarch64"
    return ""


def _x86_64(data: bytes, release: str) -> str:
    if len(data) < _X86_END or data[_X86_FLAG : _X86_FLAG + 2] != b"\x55\xaa":
        return "is a damaged bzImage: it has no boot sector"
    protocol, version = (struct.unpack_from("<H", data, at)[0] for at in (_X86_PROTOCOL, _X86_VERSION))
    if protocol < _X86_PROTOCOL_MIN:
        return f"has boot protocol {protocol >> 8}.{protocol & 255:02}, older than 2.12"
    if not struct.unpack_from("<H", data, _X86_XLOADFLAGS)[0] & _XLF_KERNEL_64:
        return "is a 32-bit kernel"
    sectors = data[_X86_FLAG - 13] or 4
    needed = (sectors + 1) * _X86_SECTOR + struct.unpack_from("<I", data, _X86_SYSSIZE)[0] * 16
    if needed > len(data):
        return f"is truncated: its header says {needed} bytes, but it has {len(data)}"
    text = data[version + _X86_SECTOR : version + _X86_SECTOR + 256].partition(b" ")[0]
    return "" if text == release.encode() else f"is of release {text!r}, not {release}"


def _aarch64(data: bytes, release: str) -> str:
    if len(data) < _ARM64_HEADER or struct.unpack_from("<Q", data, 24)[0] & _ARM64_BIG_ENDIAN:
        return "is a big-endian kernel"
    # image_size includes .bss, so it does not reveal a truncated file. The banner in .rodata, behind the code, is a
    # weak check.
    if f"Linux version {release} ".encode() not in data:
        return f"has no banner of release {release}"
    return ""
