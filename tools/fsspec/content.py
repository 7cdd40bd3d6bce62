"""The bytes of a regular file. Nothing reads them before a packer does."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import IO, Protocol, cast


class Content(Protocol):
    """Bytes of a regular file."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def open(self) -> IO[bytes]:
        """Open the bytes for reading from their start."""
        ...


@dataclasses.dataclass(frozen=True)
class Inline:
    """Bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> IO[bytes]:
        return io.BytesIO(self.data)


@dataclasses.dataclass(frozen=True)
class HostFile:
    """A whole file of the build host. Its mode and owner are ignored."""

    path: str

    @property
    def size(self) -> int:
        return os.stat(self.path).st_size

    def open(self) -> IO[bytes]:
        return open(self.path, "rb")


@dataclasses.dataclass(frozen=True)
class Region:
    """A part of a file, such as the member of an uncompressed tar archive.

    Attributes:
        path: file that holds it.
        offset: its first byte.
        length: its number of bytes.
    """

    path: str
    offset: int
    length: int

    @property
    def size(self) -> int:
        return self.length

    def open(self) -> IO[bytes]:
        # A BufferedReader adds read(), iteration and closing to the raw reader.
        return cast(IO[bytes], io.BufferedReader(_RegionReader(self)))


class _RegionReader(io.RawIOBase):
    def __init__(self, region: Region) -> None:
        self._stream = open(region.path, "rb", buffering=0)
        self._stream.seek(region.offset)
        self._left = region.length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def read(content: Content) -> bytes:
    """Read all bytes."""
    with content.open() as stream:
        return stream.read()
