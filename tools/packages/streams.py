"""Decompress a file of one or several compressed streams, with bounded memory. A missing end is an error."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from typing import IO, Protocol, cast

import zstandard

ERRORS = (lzma.LZMAError, zlib.error, zstandard.ZstdError, EOFError, OSError)
"""Errors of a damaged stream."""

MEMORY_MAX = 2**30
"""Most memory that a stream may need; the window of zstd has an eighth of it."""

_STEP = 1024
"""Input bytes per step of a decompressor without a limit: they become at most 32 MiB."""

_INPUT = 2**18
_OUTPUT = 2**20
"""Bytes into and out of a decompressor. The more, the less threads wait for each other: a decompressor runs beside
Python's other threads."""


class Decompressor(Protocol):
    """A decompressor of one stream, such as bz2.BZ2Decompressor."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Unlimited(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class _Limited:
    """Limit a decompressor: pass its input in steps, until the output is at least as long as requested."""

    def __init__(self, stream: _Unlimited) -> None:
        self._stream = stream
        self._rest = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._rest

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data + self._rest

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        self._rest = self._rest or memoryview(data)
        unpacked = bytearray()
        while self._rest and not self.eof and len(unpacked) < max_length:
            unpacked += self._stream.decompress(bytes(self._rest[:_STEP]))
            self._rest = self._rest[_STEP:]
        return bytes(unpacked)


DECOMPRESSORS: Mapping[str, Callable[[], Decompressor]] = {
    "bz2": bz2.BZ2Decompressor,
    "gz": lambda: _Limited(zlib.decompressobj(31)),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY_MAX),
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_MAX),
    "zst": lambda: _Limited(zstandard.ZstdDecompressor(max_window_size=MEMORY_MAX // 8).decompressobj()),
}
"""Constructor of a decompressor for one stream by suffix of the compression's files."""

# Other bytes behind a stream are ignored, as in dpkg and in the compressors' own programs. They could look like a
# further stream of plain LZMA.
_FURTHER = {
    "bz2": re.compile(rb"BZh[1-9]"),
    "gz": re.compile(rb"\x1f\x8b"),
    "lzma": re.compile(rb"(?!)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    # A frame, or a skippable frame.
    "zst": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL),
}
"""First bytes of a further stream."""


def reader(raw: IO[bytes], suffix: str) -> IO[bytes] | None:
    """Open compressed bytes for reading.

    Args:
        raw: the compressed bytes.
        suffix: suffix of the compression's files, such as `xz`.

    Returns:
        A stream whose reads raise one of ERRORS if the bytes are damaged or truncated, or None for an unknown
        compression.
    """
    return cast(IO[bytes], io.BufferedReader(_Reader(raw, suffix), 2**20)) if suffix in DECOMPRESSORS else None


class _Reader(io.RawIOBase):
    def __init__(self, raw: IO[bytes], suffix: str) -> None:
        self._raw = raw
        self._new = DECOMPRESSORS[suffix]
        self._further = _FURTHER[suffix]
        self._current: Decompressor | None = self._new()
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
        while len(self._input) < _STEP and (data := self._raw.read(_STEP)):
            self._input = (self._input + data).lstrip(b"\0")
        if not self._further.match(self._input):
            return False
        self._current = self._new()
        return True

    def _decompress(self) -> None:
        current = self._current
        assert current is not None
        data = self._take() if current.needs_input else b""
        self._output = memoryview(current.decompress(data, _OUTPUT))
        if current.eof:
            self._input = current.unused_data.lstrip(b"\0")
            self._current = None

    def _take(self) -> bytes:
        data = self._input or self._raw.read(_INPUT)
        if not data:
            raise EOFError("it is truncated")
        self._input = b""
        return data
