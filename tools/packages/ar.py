"""Read ar archives: Debian packages and static libraries."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import IO

MAGIC = b"!<arch>\n"

_HEADER = 60
_HEADER_END = b"`\n"


class ArError(Exception):
    """A damaged archive; the text is the reason."""


@dataclasses.dataclass(frozen=True)
class Member:
    """A member: its name, and the position of its content in the archive."""

    name: str
    offset: int
    size: int


def members(stream: IO[bytes]) -> Iterator[Member]:
    """Read the members of an archive.

    Args:
        stream: the archive, from its start.

    Raises:
        ArError: it is not an archive, or it is damaged or truncated.
    """
    if stream.read(len(MAGIC)) != MAGIC:
        raise ArError("is not an ar archive")
    end = stream.seek(0, io.SEEK_END)
    stream.seek(len(MAGIC))
    while header := stream.read(_HEADER):
        size = header[48:58].strip()
        if len(header) != _HEADER or header[58:] != _HEADER_END or not size.isdigit():
            raise ArError("is a damaged ar archive: it has a bad header")
        member = Member(header[:16].decode("ascii", "replace").strip().removesuffix("/"), stream.tell(), int(size))
        if member.offset + member.size > end:
            raise ArError(f"is a truncated ar archive: its member {member.name} is incomplete")
        yield member
        # Members begin at even offsets.
        stream.seek(member.offset + member.size + member.size % 2)
