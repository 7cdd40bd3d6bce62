"""Read what an ELF file requests from the dynamic loader (gABI chapter 5, ld.so(8))."""

from __future__ import annotations

import dataclasses
import struct

from tools.elfcheck.layout import PT_DYNAMIC, PT_INTERP, PT_LOAD, Elf, LayoutError

_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME = 0, 1, 5, 10, 14
_DT_RPATH, _DT_TEXTREL, _DT_RUNPATH, _DT_FLAGS = 15, 22, 29, 30
_DF_TEXTREL = 4
_TAG = struct.Struct("<qQ")
_PATH_MAX = 4096
_NAMES_MAX = 4096
"""More libraries than any program needs; limits the memory that a small file can cost."""


@dataclasses.dataclass(frozen=True)
class Dynamic:
    """The requests of a file.

    Attributes:
        interpreter: path of the dynamic loader, or the empty string.
        needed: names of libraries.
        soname: name under which other files need it, or the empty string.
        search: directories in which to search libraries, as written (DT_RUNPATH, DT_RPATH).
        text_relocations: whether the loader makes its code writable.
    """

    interpreter: str = ""
    needed: tuple[str, ...] = ()
    soname: str = ""
    search: tuple[str, ...] = ()
    text_relocations: bool = False


def read(elf: Elf) -> Dynamic:
    """Read the segments PT_INTERP and PT_DYNAMIC of a file with checked segments.

    Raises:
        LayoutError: a name lies outside of the file.
    """
    tags = _tags(elf)
    texts: dict[int, list[str]] = {tag: [] for tag in (_DT_NEEDED, _DT_SONAME, _DT_RPATH, _DT_RUNPATH)}
    wanted = [(tag, value) for tag, value in tags if tag in texts]
    if len(wanted) > _NAMES_MAX:
        raise LayoutError(f"names {len(wanted)} libraries and directories, more than {_NAMES_MAX}")
    table = _table(elf, dict(tags)) if wanted else b""
    for tag, value in wanted:
        texts[tag].append(_text(table, value))
    searched = texts[_DT_RUNPATH] + texts[_DT_RPATH]
    return Dynamic(
        interpreter=_interpreter(elf),
        needed=tuple(texts[_DT_NEEDED]),
        soname="".join(texts[_DT_SONAME][:1]),
        search=tuple(":".join(searched).split(":")) if searched else (),
        text_relocations=any(tag == _DT_TEXTREL or (tag == _DT_FLAGS and value & _DF_TEXTREL) for tag, value in tags),
    )


def _interpreter(elf: Elf) -> str:
    # A kernel uses the first one.
    segment = next((segment for segment in elf.segments if segment.type == PT_INTERP), None)
    if segment is None:
        return ""
    data = elf.data[segment.offset : segment.offset + segment.file_size]
    if not 2 <= len(data) <= _PATH_MAX or data[-1:] != b"\0":
        raise LayoutError("has a segment PT_INTERP that is not a path with a final NUL")
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _tags(elf: Elf) -> list[tuple[int, int]]:
    tags: list[tuple[int, int]] = []
    for segment in elf.segments:
        if segment.type != PT_DYNAMIC:
            continue
        for at in range(segment.offset, segment.offset + segment.file_size - _TAG.size + 1, _TAG.size):
            tag, value = _TAG.unpack_from(elf.data, at)
            if tag == _DT_NULL:
                break
            tags.append((tag, value))
    return tags


def _table(elf: Elf, tags: dict[int, int]) -> bytes:
    """Return the string table: from its address to the end of the segment that loads it."""
    address = tags.get(_DT_STRTAB)
    if address is None:
        raise LayoutError("names libraries, but has no string table (DT_STRTAB)")
    for segment in elf.segments:
        if segment.type == PT_LOAD and 0 <= address - segment.address < segment.file_size:
            start = segment.offset + address - segment.address
            end = segment.offset + segment.file_size
            return elf.data[start : min(end, start + tags.get(_DT_STRSZ, end))]
    raise LayoutError("has its string table (DT_STRTAB) outside of the loaded segments")


def _text(table: bytes, at: int) -> str:
    end = table.find(b"\0", at, at + _PATH_MAX)
    if end < 0:
        raise LayoutError("names a library outside of its string table")
    return table[at:end].decode("utf-8", "surrogateescape")
