"""Remove items from the data of ICU, which Debian ships as one library.

The data is an archive (ICU's `udata.h` and `ucmndata.h`): a header, a table of contents sorted by name, the items. The
module removes an item's line from the table and overwrites its bytes with zeros. Nothing else moves, and the file
remains the same ELF file; zeros take no space in a compressed image. To ICU, the data looks like data built without the
item.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from tools.cli import errors
from tools.mkrootfs import exclusions

LIBRARY = re.compile(r"usr/lib/[^/]+/libicudata\.so\.\d+\.\d+", re.ASCII)
"""Path of the library."""

# From the archive's header to its name, which is that of a table of contents with names.
_MAGIC, _FORMAT, _TO_FORMAT = b"\xda\x27", b"CmnD", 12
_LINE = struct.Struct("<II")


class IcuError(errors.InputError):
    """A library without data of ICU, or items that it lacks."""


def without(data: bytes, globs: Sequence[str], where: str) -> bytes:
    """Return a library without some items.

    Args:
        data: the library.
        globs: patterns (see exclusions.py) of the items' names, without that of the package: `translit/**`.
        where: the library's name, for errors.

    Raises:
        IcuError: the library has no data of ICU, or a pattern matches no item.
    """
    table = _table(data, where)
    try:
        (count,) = struct.unpack_from("<I", data, table)
        lines = [_LINE.unpack_from(data, table + 4 + number * _LINE.size) for number in range(count)]
        names = [data[table + name : data.index(b"\0", table + name)].decode("ascii") for name, _ in lines]
    except (struct.error, ValueError) as error:
        raise IcuError(f"its table of contents is damaged: {error}", where=where) from None
    patterns = {glob: exclusions.translate(glob) for glob in globs}
    gone = [any(pattern.fullmatch(_item(name)) for pattern in patterns.values()) for name in names]
    for glob, pattern in patterns.items():
        if not any(pattern.fullmatch(_item(name)) for name in names):
            raise IcuError(f"has no item that matches {glob!r}", where=where, fix="correct the pattern")
    if not gone or gone[-1]:
        raise IcuError("its last item cannot be excluded: its end is unknown", where=where, fix="keep it")
    result = bytearray(data)
    for number, (_, start) in enumerate(lines):
        if gone[number]:
            end = lines[number + 1][1]
            result[table + start : table + end] = bytes(end - start)
    kept = [line for line, is_gone in zip(lines, gone, strict=True) if not is_gone]
    struct.pack_into("<I", result, table, len(kept))
    packed = b"".join(_LINE.pack(*line) for line in kept)
    result[table + 4 : table + 4 + count * _LINE.size] = packed.ljust(count * _LINE.size, b"\0")
    return bytes(result)


def _item(name: str) -> str:
    """Return the name without that of the package: `icudt76l/translit/root.res` is `translit/root.res`."""
    return name.partition("/")[2]


def _table(data: bytes, where: str) -> int:
    at = -1
    while (at := data.find(_FORMAT, at + 1)) >= 0:
        header = at - _TO_FORMAT
        if header >= 0 and data[header + 2 : header + 4] == _MAGIC:
            return header + int.from_bytes(data[header : header + 2], "little")
    raise IcuError("has no data of ICU in the order of bytes of these architectures", where=where)
