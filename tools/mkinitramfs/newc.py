"""Write cpio archives of the kernel's "newc" format.

Format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import IO

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.tree import Entry, Kind

MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_FIELD_MAX = 0xFFFFFFFF
_BLOCK = 512
_TYPES = {
    Kind.FILE: 0o100000,
    Kind.DIRECTORY: 0o040000,
    Kind.SYMLINK: 0o120000,
    Kind.HARDLINK: 0o100000,
    Kind.CHAR: 0o020000,
    Kind.BLOCK: 0o060000,
    Kind.FIFO: 0o010000,
}
"""File types as in st_mode."""


class NewcError(errors.InputError):
    """An entry that the format cannot represent."""


def write(entries: Sequence[Entry], stream: IO[bytes], mtime: int = 0) -> None:
    """Write an archive.

    Inode numbers start at 1. The last name of a file carries the content, as in GNU cpio; the kernel reads it from any
    name.

    Args:
        entries: the result of `Tree.finish`.
        stream: the output.
        mtime: time of every entry, in seconds since 1970.

    Raises:
        NewcError: a file is too large for the format, or changes during the read.
    """
    _Writer(entries, stream, mtime).run()


class _Writer:
    def __init__(self, entries: Sequence[Entry], stream: IO[bytes], mtime: int) -> None:
        self._entries = entries
        self._stream = stream
        self._mtime = mtime
        self._written = 0
        # Names of each file that has several, in order; finish() put the file first.
        self._names: dict[str, list[str]] = {}
        for entry in entries:
            if entry.kind is Kind.HARDLINK:
                self._names.setdefault(entry.target, [entry.target]).append(entry.path)
        self._files = {entry.path: entry for entry in entries if entry.path in self._names}
        self._inodes: dict[str, int] = {}

    def run(self) -> None:
        for entry in self._entries:
            first = entry.target if entry.kind is Kind.HARDLINK else entry.path
            inode = self._inodes.setdefault(first, len(self._inodes) + 1)
            names = self._names.get(first, [entry.path])
            links = 2 if entry.kind is Kind.DIRECTORY else len(names)
            mode = _TYPES[entry.kind] | entry.mode
            content = self._files[first].content if first in self._files else entry.content
            if entry.kind is Kind.SYMLINK:
                self._header(entry, inode, mode, links, len(paths.encode(entry.target)))
                self._put(paths.encode(entry.target))
            elif content is not None and entry.path == names[-1]:
                size = content.size
                self._header(entry, inode, mode, links, size)
                with content.open() as source:
                    shutil.copyfileobj(source, self._stream)
                    if source.tell() != size:
                        raise NewcError("changed during the read", where=entry.path)
                self._written += size
            else:
                self._header(entry, inode, mode, links, 0)
            self._pad(4)
        self._name([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], _TRAILER)
        # The kernel does not need it; other readers read whole blocks.
        self._pad(_BLOCK)

    def _header(self, entry: Entry, inode: int, mode: int, links: int, size: int) -> None:
        major, minor = entry.device
        fields = [inode, mode, entry.uid, entry.gid, links, self._mtime, size, 0, 0, major, minor]
        if max(fields) > _FIELD_MAX:
            raise NewcError(f"has {size} bytes, more than the {_FIELD_MAX} of the format", where=entry.path)
        self._name(fields, entry.path)

    def _name(self, fields: Sequence[int], name: str) -> None:
        data = paths.encode(name) + b"\0"
        # The last field is a checksum, which is 0 in this format.
        numbers = [*fields, len(data), 0]
        self._put(MAGIC + b"".join(b"%08X" % number for number in numbers) + data)
        self._pad(4)

    def _put(self, data: bytes) -> None:
        self._stream.write(data)
        self._written += len(data)

    def _pad(self, alignment: int) -> None:
        self._put(bytes(-self._written % alignment))
