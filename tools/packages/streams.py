"""Decompress a file of one or several compressed streams, with bounded memory. A missing end is an error."""

from __future__ import annotations

import bz2
import dataclasses
import io
import lzma
import re
import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

import zstandard

ERRORS = (lzma.LZMAError, zlib.error, zstandard.ZstdError, EOFError, OSError)
"""Errors of a damaged stream."""

_INPUT = 1024
"""Input bytes per step: they become at most 32 MiB, whatever the compression."""

_BOUNDED_INPUT = 2**18
_BOUNDED_OUTPUT = 2**20
"""Bytes that go into and come out of a decompressor that can be told how many. The more, the less threads wait for each
other: a decompressor runs beside Python's other threads."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


_Bounded = bz2.BZ2Decompressor | lzma.LZMADecompressor


@dataclasses.dataclass(frozen=True)
class _Compression:
    """One compression.

    Attributes:
        new: returns a decompressor for one stream.
        magic: beginning of a further stream. Other bytes behind a stream are ignored, as in dpkg and in the
            compressors' own programs.
    """

    new: Callable[[], _Decompressor]
    magic: re.Pattern[bytes]


# Other bytes could look like a further stream of plain LZMA.
_NONE = re.compile(rb"(?!)")
_COMPRESSIONS = {
    "bz2": _Compression(bz2.BZ2Decompressor, re.compile(rb"BZh[1-9]")),
    "gz": _Compression(lambda: zlib.decompressobj(31), re.compile(rb"\x1f\x8b")),
    "lzma": _Compression(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE), _NONE),
    "xz": _Compression(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), re.compile(rb"\xfd7zXZ\0")),
    "zst": _Compression(
        lambda: zstandard.ZstdDecompressor().decompressobj(),
        # A frame, or a skippable frame.
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL),
    ),
}


def reader(raw: IO[bytes], suffix: str) -> IO[bytes] | None:
    """Open compressed bytes for reading.

    Args:
        raw: the compressed bytes.
        suffix: suffix of the compression's files, such as `xz`.

    Returns:
        A stream whose reads raise one of ERRORS if the bytes are damaged or truncated, or None for an unknown
        compression.
    """
    compression = _COMPRESSIONS.get(suffix)
    return cast(IO[bytes], io.BufferedReader(_Reader(raw, compression), 2**20)) if compression else None


class _Reader(io.RawIOBase):
    def __init__(self, raw: IO[bytes], compression: _Compression) -> None:
        self._raw = raw
        self._compression = compression
        self._current: _Decompressor | None = compression.new()
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._output:
            if self._current is None and not self._next():
                return 0
            self._decompress()
        count = min(len(buffer), len(self._output))
        buffer[:count] = self._output[:count]
        self._output = self._output[count:]
        return count

    def _next(self) -> bool:
        """Start the next stream, if one follows; zeros between streams are padding."""
        while len(self._input) < _INPUT and (data := self._raw.read(_INPUT)):
            self._input = (self._input + data).lstrip(b"\0")
        if not self._compression.magic.match(self._input):
            return False
        self._current = self._compression.new()
        return True

    def _decompress(self) -> None:
        current = self._current
        assert current is not None
        if isinstance(current, _Bounded):
            data = self._take(_BOUNDED_INPUT) if current.needs_input else b""
            self._output = memoryview(current.decompress(data, _BOUNDED_OUTPUT))
        else:
            self._output = memoryview(current.decompress(self._take(_INPUT)))
        if current.eof:
            self._input = current.unused_data.lstrip(b"\0")
            self._current = None

    def _take(self, size: int) -> bytes:
        data = self._input or self._raw.read(size)
        if not data:
            raise EOFError("it is truncated")
        self._input = b""
        return data
