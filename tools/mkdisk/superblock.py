"""Make an ext4 filesystem independent of the CPU of the build host.

mke2fs sets a flag in the superblock if the directory hashes treat characters as signed, like its CPU: x86_64 does,
aarch64 does not. Only directories with an index depend on the flag, and mke2fs creates none, so the module sets it to
one value. (Documentation/filesystems/ext4/super.rst)
"""

from __future__ import annotations

import struct
from typing import IO

from tools.cli import errors

_OFFSET = 1024
_SIZE = 1024
_MAGIC = 0xEF53
_SIGNED_HASH, _UNSIGNED_HASH = 1, 2
_CHECKSUM = 0x3FC
_POLYNOMIAL = 0x82F63B78


class SuperblockError(errors.InputError):
    """A file without the expected ext4 filesystem."""


def normalise(path: str) -> None:
    """Set EXT2_FLAGS_SIGNED_HASH in the primary and backup superblocks, and recompute their checksums.

    Args:
        path: image of a filesystem with blocks of 4096 bytes, metadata_csum and sparse_super.

    Raises:
        SuperblockError: the file is not such an image.
    """
    with open(path, "r+b") as stream:
        first = _read(stream, _OFFSET)
        if first is None or struct.unpack_from("<I", first, 0x18)[0] != 2:
            raise SuperblockError("has no ext4 filesystem with blocks of 4096 bytes", where=path)
        blocks = struct.unpack_from("<I", first, 0x4)[0]
        blocks_per_group = struct.unpack_from("<I", first, 0x20)[0]
        _write(stream, _OFFSET, first)
        for group in range(1, -(-blocks // blocks_per_group)):
            if _has_copy(group):
                offset = group * blocks_per_group * 4096
                copy = _read(stream, offset)
                if copy is None:
                    raise SuperblockError(f"has no superblock in group {group}", where=path)
                _write(stream, offset, copy)


def crc32c(data: bytes | bytearray) -> int:
    """Return the CRC-32C (Castagnoli) of bytes, begun with all ones and without final inversion, as in ext4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc


def _has_copy(group: int) -> bool:
    """Return whether a block group has a copy of the superblock: 1 and the powers of 3, 5 and 7."""
    for base in (3, 5, 7):
        power = base
        while power < group:
            power *= base
        if power == group:
            return True
    return group == 1


def _read(stream: IO[bytes], offset: int) -> bytearray | None:
    stream.seek(offset)
    data = bytearray(stream.read(_SIZE))
    if len(data) != _SIZE or struct.unpack_from("<H", data, 0x38)[0] != _MAGIC:
        return None
    return data


def _write(stream: IO[bytes], offset: int, data: bytearray) -> None:
    flags = struct.unpack_from("<I", data, 0x160)[0]
    struct.pack_into("<I", data, 0x160, flags & ~_UNSIGNED_HASH | _SIGNED_HASH)
    struct.pack_into("<I", data, _CHECKSUM, crc32c(bytes(data[:_CHECKSUM])))
    stream.seek(offset)
    stream.write(data)
