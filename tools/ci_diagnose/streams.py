"""Read the end of a log that may be compressed. Sizes that it claims are not trusted."""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import IO

from tools.packages.streams import DECOMPRESSORS, Decompressor
from tools.packages.streams import ERRORS as DAMAGES

LOG_MAX = 64 << 20
"""Bytes to read of one log; of a longer one the end, which has the failures."""

TOTAL_MAX = 1 << 30
"""Most unpacked bytes of one archive: ten thousand logs of full length would not fit on a disk."""

_BLOCK = 1 << 20

_PACKED = 1024
"""Input bytes per step: a damaged stream costs only the output of one step."""

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
ERRORS = (*DAMAGES, ValueError)
"""Errors of the decompressors."""


_DECOMPRESSORS = {
    b"\x1f\x8b": DECOMPRESSORS["gz"],
    b"BZh": DECOMPRESSORS["bz2"],
    b"\xfd7zXZ\0": DECOMPRESSORS["xz"],
    b"\x28\xb5\x2f\xfd": DECOMPRESSORS["zst"],
}


@dataclasses.dataclass(frozen=True)
class Tail:
    """The end of a log.

    Attributes:
        data: its bytes.
        size: number of bytes before its end.
        damage: why the rest is missing, or empty.
        cut: whether the beginning of the log is missing.
    """

    data: bytes
    size: int
    damage: str = ""
    cut: bool = False


def of_file(path: str | os.PathLike[str]) -> Tail:
    """Read the end of a file."""
    with open(path, "rb") as stream:
        first = stream.read(8)
        if _decoder(first):
            return of_stream(stream, TOTAL_MAX, first)
        size = os.fstat(stream.fileno()).st_size
        stream.seek(max(0, size - LOG_MAX))
        data = stream.read(LOG_MAX)
        return Tail(data, len(data), cut=size > LOG_MAX)


def of_stream(stream: IO[bytes], limit: int, first: bytes | None = None) -> Tail:
    """Read a stream to its end, or for `limit` bytes, and keep the end.

    Args:
        stream: the stream.
        limit: most bytes to unpack.
        first: its first eight bytes, if they have been read.
    """
    first = stream.read(8) if first is None else first
    decoder = _decoder(first)
    blocks: collections.deque[bytes] = collections.deque()
    size = kept = 0
    damage = ""
    try:
        for block in _unpacked(stream, first, decoder) if decoder else _plain(stream, first):
            size += len(block)
            kept += len(block)
            blocks.append(block)
            while kept - len(blocks[0]) > LOG_MAX:
                kept -= len(blocks.popleft())
            if size >= limit:
                break
    except ERRORS as error:
        # An uncompressed stream is a member of an archive, whose reader handles the error.
        if not decoder:
            raise
        damage = f"the compressed log is damaged, or cut, after {size} bytes: {error}"
    return Tail(b"".join(blocks)[-LOG_MAX:], size, damage, cut=size > LOG_MAX)


def _decoder(first: bytes) -> Callable[[], Decompressor] | None:
    return next((make for magic, make in _DECOMPRESSORS.items() if first.startswith(magic)), None)


def _plain(stream: IO[bytes], first: bytes) -> Iterator[bytes]:
    yield first
    while data := stream.read(_BLOCK):
        yield data


def _unpacked(stream: IO[bytes], first: bytes, make: Callable[[], Decompressor]) -> Iterator[bytes]:
    """Yield the unpacked data of a stream, which may have several members or frames."""
    decoder: Decompressor | None = None
    data = first
    while data or (decoder and not decoder.needs_input) or (data := stream.read(_PACKED)):
        # Tools that write blocks fill the last with zeros.
        if decoder is None and not data.strip(b"\0"):
            data = b""
            continue
        decoder = decoder or make()
        yield decoder.decompress(data, _BLOCK)
        data = b""
        if decoder.eof:
            data, decoder = decoder.unused_data, None
    if decoder is not None:
        raise EOFError("it ends in the middle")
