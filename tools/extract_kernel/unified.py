"""Read unified kernel images: EFI programs (PE files) that contain a kernel and other boot files.

Format: https://uapi-group.org/specifications/specs/unified_kernel_image
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tools.extract_kernel.image import ImageError

_PE_OFFSET = 0x3C
_COFF = struct.Struct("<4sHHIIIHH")
_SECTION = struct.Struct("<8sIIII16x")
_KERNEL = ".linux"
_BESIDE = (".initrd", ".cmdline", ".ucode", ".dtb", ".dtbauto", ".efifw")
"""Sections that change the boot of the kernel."""


def kernel(data: bytes, where: str) -> bytes | None:
    """Return the kernel image in a unified kernel image; None for other files.

    Raises:
        ImageError: it is truncated, or has several kernels.
    """
    found = [(offset, size) for name, offset, size in _sections(data) if name == _KERNEL]
    if not found:
        return None
    if len(found) > 1:
        raise ImageError(f"is a unified kernel image with {len(found)} kernels, not one", where=where)
    offset, size = found[0]
    if not size or offset + size > len(data):
        raise ImageError("is a truncated unified kernel image: the kernel in it lies outside of the file", where=where)
    return data[offset : offset + size]


def beside(data: bytes) -> list[str]:
    """Name the other parts of a unified kernel image, with sizes, such as `.initrd (4096 bytes)`."""
    sections = list(_sections(data))
    if all(name != _KERNEL for name, _, _ in sections):
        return []
    return [f"{name} ({size} bytes)" for name, _, size in sections if name in _BESIDE]


def _sections(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of each section of a PE file; nothing for another file."""
    if data[:2] != b"MZ" or len(data) < _PE_OFFSET + 4:
        return
    (at,) = struct.unpack_from("<I", data, _PE_OFFSET)
    if at + _COFF.size > len(data):
        return
    magic, _, count, _, _, _, optional, _ = _COFF.unpack_from(data, at)
    if magic != b"PE\0\0":
        return
    at += _COFF.size + optional
    for start in range(at, min(at + count * _SECTION.size, len(data) - _SECTION.size + 1), _SECTION.size):
        name, virtual, _, raw, offset = _SECTION.unpack_from(data, start)
        # The size in the file is rounded up; the one in memory may be larger, since zeros fill it.
        yield name.rstrip(b"\0").decode("ascii", "replace"), offset, min(virtual, raw) or raw
