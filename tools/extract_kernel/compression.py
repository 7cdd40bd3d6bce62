"""Decompresses what kernels are packed with, up to a bound: no size that a stream claims is believed."""

# lz4 declares no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Protocol

import lz4.block
import zstandard

from tools.cli import errors

_MEMORY_MAX = 2**30
"""Most memory that a stream may ask for; the kernel's own window of zstd is an eighth of it."""

_INPUT = 1024
"""Bytes that are fed at once to a decompressor that knows no bound: they become 32 MiB at the most."""

_LZ4_MAGIC = b"\x02\x21\x4c\x18"
_LZ4_BLOCK = 8 * 2**20
_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"]\0\0": "lzma",
    _LZ4_MAGIC: "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
}


class CompressionError(errors.InputError):
    """Bytes that cannot be decompressed."""


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=_MEMORY_MAX // 8).decompressobj()
        self.eof = False

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        unpacked = bytearray()
        for at in range(0, len(data), _INPUT):
            unpacked += self._stream.decompress(data[at : at + _INPUT])
            self.eof = self._stream.eof
            if self.eof or len(unpacked) > max_length:
                break
        return bytes(unpacked)


class _Lz4:
    """The legacy frame (`lz4 -l`), which has no end: a last number without a block is the kernel's own."""

    def __init__(self) -> None:
        self.eof = False

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        unpacked = bytearray()
        at = len(_LZ4_MAGIC)
        while at + 4 < len(data) and len(unpacked) <= max_length:
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
            if at + size > len(data):
                return bytes(unpacked)
            unpacked += lz4.block.decompress(data[at : at + size], uncompressed_size=_LZ4_BLOCK)
            at += size
        self.eof = True
        return bytes(unpacked)


_STREAMS: dict[str, Callable[[], _Stream]] = {
    "bzip2": bz2.BZ2Decompressor,
    "gzip": lambda: zlib.decompressobj(31),
    "lz4": _Lz4,
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY_MAX),
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_MAX),
    "zstd": _Zstd,
}


def of(data: bytes) -> str | None:
    """Names the compression of a stream by its first bytes, or returns None where it is none that is known."""
    return next((name for magic, name in _MAGICS.items() if data.startswith(magic)), None)


def decompress(data: bytes, compression: str, limit: int, where: str) -> bytes:
    """Decompresses one stream; what stands behind its end is left alone.

    Args:
        data: the stream.
        compression: one that `of` names.
        limit: most bytes that it may have unpacked.
        where: its name in errors.

    Raises:
        CompressionError: it is damaged, truncated, or larger than the limit.
    """
    stream = _STREAMS[compression]()
    try:
        unpacked = stream.decompress(data, limit + 1)
    except (lz4.block.LZ4BlockError, lzma.LZMAError, zlib.error, zstandard.ZstdError, OSError, EOFError) as error:
        raise CompressionError(f"cannot be decompressed: {error}", where=where) from None
    if len(unpacked) > limit:
        raise CompressionError(f"has more than {limit} bytes unpacked", where=where)
    if not stream.eof:
        raise CompressionError("cannot be decompressed: it is truncated", where=where)
    return unpacked
