"""Decompress kernels, with a limit: no size that a stream claims is trusted.

The module has another name than Python 3.14's `compression`, which lz4.frame imports: Python looks for modules in the
directory of the program first.
"""

# lz4 declares no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import struct
from collections.abc import Callable

import lz4.block
import lz4.frame

from tools.cli import errors
from tools.packages import streams

_LZ4_LEGACY = b"\x02\x21\x4c\x18"
_LZ4_FRAME = b"\x04\x22\x4d\x18"
_LZ4_BLOCK = 8 * 2**20
_STREAMS_MAX = 4096
"""Most streams of one file: each step copies the rest of the file."""
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
"""Magic numbers of frames without content, common to zstd and lz4."""

_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"]\0\0": "lzma",
    _LZ4_LEGACY: "lz4_legacy",
    _LZ4_FRAME: "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x89LZO\0": "lzo",
}


class CompressionError(errors.InputError):
    """Bytes that cannot be decompressed."""


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameDecompressor()
        self.eof = False
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        unpacked = bytes(self._stream.decompress(data, max_length))
        self.eof = bool(self._stream.eof)
        self.unused_data = bytes(self._stream.unused_data or b"")
        return unpacked


class _Lz4Legacy:
    """The legacy frame (`lz4 -l`), which has no end: the kernel's build adds a last number without a block."""

    def __init__(self) -> None:
        self.eof = False
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        unpacked = bytearray()
        at = len(_LZ4_LEGACY)
        while at + 4 < len(data) and len(unpacked) <= max_length:
            # Instead of a block's size, a magic number begins the next frame.
            if _skippable(data, at) or data[at : at + 4] in (_LZ4_LEGACY, _LZ4_FRAME):
                break
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
            if at + size > len(data):
                return bytes(unpacked)
            unpacked += lz4.block.decompress(data[at : at + size], uncompressed_size=_LZ4_BLOCK)
            at += size
        self.eof = True
        self.unused_data = data[at:]
        return bytes(unpacked)


_STREAMS: dict[str, Callable[[], streams.Decompressor | _Lz4 | _Lz4Legacy]] = {
    "bzip2": streams.DECOMPRESSORS["bz2"],
    "gzip": streams.DECOMPRESSORS["gz"],
    "lz4": _Lz4,
    "lz4_legacy": _Lz4Legacy,
    "lzma": streams.DECOMPRESSORS["lzma"],
    "xz": streams.DECOMPRESSORS["xz"],
    "zstd": streams.DECOMPRESSORS["zst"],
}
# Compressions with several frames per file, also between frames without content.
_FRAMES = {"lz4": "lz4", "lz4_legacy": "lz4", "zstd": "zstd"}


def of(data: bytes) -> str | None:
    """Name the compression of a stream by its first bytes, or return None if it is unknown."""
    return next((name for magic, name in _MAGICS.items() if data.startswith(magic)), None)


def decompress(data: bytes, compression: str, limit: int, where: str) -> bytes:
    """Decompress one stream, and ignore bytes behind its end.

    Args:
        data: the stream.
        compression: a result of `of`.
        limit: most bytes of the unpacked stream.
        where: its name in errors.

    Raises:
        CompressionError: it is damaged, truncated, larger than the limit, or compressed by LZO.
    """
    return _decompress(data, compression, limit, where)[0]


def decompress_file(data: bytes, compression: str, limit: int, where: str, *, tail: bool = False) -> bytes:
    """Decompress a whole file: every stream, member or frame in it.

    Parallel compressors write several. The function skips padding between and behind them, and frames without content.

    Args:
        data: the file's bytes.
        compression: a result of `of`, for the first stream.
        limit: most bytes of the unpacked file.
        where: its name in errors.
        tail: whether other bytes may follow, such as the size that a kernel's build adds.

    Raises:
        CompressionError: as in `decompress`, or the bytes behind the end are not another stream of the compression.
    """
    unpacked = bytearray()
    rest = _skip(data, compression, where)
    count = 0
    # A file with only empty frames is complete; an empty file is truncated.
    while rest or not data:
        if count == _STREAMS_MAX:
            raise CompressionError(f"has more than {_STREAMS_MAX} compressed streams", where=where)
        count += 1
        part, rest = _decompress(rest, compression, limit - len(unpacked), where, limit)
        unpacked += part
        rest = _skip(rest, compression, where)
        found = of(rest) or ""
        if rest and _FRAMES.get(found, found) != _FRAMES.get(compression, compression):
            if tail:
                break
            raise CompressionError(
                f"cannot be decompressed: {len(rest)} bytes follow its end that are not {compression}", where=where
            )
        compression = found
    return bytes(unpacked)


def _skip(data: bytes, compression: str, where: str) -> bytes:
    """Return the bytes behind padding and empty frames."""
    if compression not in _FRAMES:
        # gzip's padding to whole blocks of a tape, and xz's own.
        return b"" if data.startswith(b"\0") and not data.strip(b"\0") else data
    at = 0
    while _skippable(data, at):
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
        if at > len(data):
            raise CompressionError("cannot be decompressed: it is truncated", where=where)
    return data[at:]


def _skippable(data: bytes, at: int) -> bool:
    return at + 8 <= len(data) and struct.unpack_from("<I", data, at)[0] in _SKIPPABLE


def _decompress(data: bytes, compression: str, limit: int, where: str, shown: int = 0) -> tuple[bytes, bytes]:
    """Return one stream's content, and the bytes behind its end."""
    if compression not in _STREAMS:
        raise CompressionError(
            f"is compressed by {compression}, which is not supported",
            where=where,
            fix="compress it by zstd, xz or gzip",
        )
    stream = _STREAMS[compression]()
    try:
        unpacked = stream.decompress(data, limit + 1)
    # lz4.frame raises RuntimeError for damaged frames.
    except (*streams.ERRORS, lz4.block.LZ4BlockError, RuntimeError, ValueError) as error:
        raise CompressionError(f"cannot be decompressed: {error}", where=where) from None
    if len(unpacked) > limit:
        raise CompressionError(f"has more than {shown or limit} bytes unpacked", where=where)
    if not stream.eof:
        raise CompressionError("cannot be decompressed: it is truncated", where=where)
    return unpacked, stream.unused_data
