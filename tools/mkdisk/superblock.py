"""Make an ext4 filesystem independent of the CPU of the build host, and set its UUID.

mke2fs sets a flag in the superblock if the directory hashes treat characters as signed, like its CPU: x86_64 does,
aarch64 does not. Only directories with an index depend on the flag, and mke2fs creates none, so the module sets it to
one value. (Documentation/filesystems/ext4/super.rst)
"""

from __future__ import annotations

import struct
import uuid
from typing import IO

from tools.cli import errors

_OFFSET = 1024
_SIZE = 1024
_MAGIC = 0xEF53
_SIGNED_HASH, _UNSIGNED_HASH = 1, 2
_FLAGS = 0x160
_UUID = 0x68
_INCOMPATIBLE = 0x60
# The seed of checksums is in the superblock, and does not follow the UUID.
_CHECKSUM_SEED = 0x2000
_CHECKSUM = 0x3FC
_POLYNOMIAL = 0x82F63B78


class SuperblockError(errors.InputError):
    """A file without the expected ext4 filesystem."""


def normalise(path: str, identifier: uuid.UUID) -> None:
    """Set UUID and EXT2_FLAGS_SIGNED_HASH in the primary and backup superblocks, and recompute their checksums.

    Args:
        path: image of a filesystem with blocks of 4096 bytes, metadata_csum, metadata_csum_seed and sparse_super.
        identifier: the UUID.

    Raises:
        SuperblockError: the file is not such an image.
    """
    with open(path, "r+b") as stream:
        first = _read(stream, _OFFSET)
        if first is None or struct.unpack_from("<I", first, 0x18)[0] != 2:
            raise SuperblockError("has no ext4 filesystem with blocks of 4096 bytes", where=path)
        if not struct.unpack_from("<I", first, _INCOMPATIBLE)[0] & _CHECKSUM_SEED:
            raise SuperblockError("has no metadata_csum_seed: another UUID would spoil its checksums", where=path)
        blocks = struct.unpack_from("<I", first, 0x4)[0]
        blocks_per_group = struct.unpack_from("<I", first, 0x20)[0]
        _write(stream, _OFFSET, first, identifier)
        for group in range(1, -(-blocks // blocks_per_group)):
            if _has_copy(group):
                offset = group * blocks_per_group * 4096
                copy = _read(stream, offset)
                if copy is None:
                    raise SuperblockError(f"has no superblock in group {group}", where=path)
                _write(stream, offset, copy, identifier)


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


def _write(stream: IO[bytes], offset: int, data: bytearray, identifier: uuid.UUID) -> None:
    data[_UUID : _UUID + 16] = identifier.bytes
    flags = struct.unpack_from("<I", data, _FLAGS)[0]
    struct.pack_into("<I", data, _FLAGS, flags & ~_UNSIGNED_HASH | _SIGNED_HASH)
    struct.pack_into("<I", data, _CHECKSUM, crc32c(bytes(data[:_CHECKSUM])))
    stream.seek(offset)
    stream.write(data)
