"""Remove symbols and debugging information from ELF files, as strip(1) does.

Segments and the symbols that the loader reads keep their bytes and their places. Sections outside of segments follow
the last segment: those of symbols and debugging are removed, and the others move up with the section table.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry
from tools.mkrootfs import exclusions

_IDENTIFICATION = b"\x7fELF\x02\x01"
"""64 bits, little-endian: the class of all guest architectures."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_ALIGNMENT_MAX = 2**16
_ALLOCATED, _INFO_IS_LINK = 0x2, 0x40
_SYMBOLS, _STRINGS, _RELA, _NO_BITS, _REL, _GROUP, _SYMBOL_INDICES = 2, 3, 4, 8, 9, 17, 18


class StripError(errors.InputError):
    """A file that cannot be stripped."""


class Stripping:
    """Patterns of files to strip."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._globs = {glob: exclusions.translate(glob) for glob in globs}
        self._unused = dict.fromkeys(globs)

    def apply(self, entry: Entry) -> Entry:
        """Return an entry, with its content stripped if a pattern matches its path."""
        matching = [glob for glob, pattern in self._globs.items() if entry.content and pattern.fullmatch(entry.path)]
        if not matching or not entry.content:
            return entry
        for glob in matching:
            self._unused.pop(glob, None)
        data = without_symbols(content.read(entry.content), f"{entry.origin}: {entry.path}")
        return dataclasses.replace(entry, content=Inline(data))

    def check(self) -> None:
        """Raise StripError if a pattern has matched nothing."""
        if self._unused:
            raise StripError(f"no file to strip matches {next(iter(self._unused))}", fix="correct the pattern")


@dataclasses.dataclass(frozen=True)
class _Section:
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int

    @property
    def end(self) -> int:
        return self.offset + (0 if self.type == _NO_BITS else self.size)


def without_symbols(data: bytes, where: str) -> bytes:
    """Strip an ELF file.

    Args:
        data: the file.
        where: its place, for messages.

    Raises:
        StripError: it is not a 64-bit ELF file, or damaged.
    """
    try:
        return _stripped(data)
    except (struct.error, ValueError) as error:
        raise StripError(f"cannot be stripped: {error}", where=where, fix="remove it from `strip`") from None


def _stripped(data: bytes) -> bytes:
    if not data.startswith(_IDENTIFICATION):
        raise ValueError("it is not an ELF file of 64 bits")
    header = list(_HEADER.unpack_from(data))
    segments_at, sections_at = header[5], header[6]
    segment_size, segment_count, section_size, section_count, names = header[9:14]
    if sections_at == 0:
        return data
    if segment_size != _SEGMENT.size or section_size != _SECTION.size or not names < section_count:
        raise ValueError("its tables have an unknown form")
    segments = _table(data, _SEGMENT, segments_at, segment_count)
    sections = [_Section(*fields) for fields in _table(data, _SECTION, sections_at, section_count)]
    loaded = [section.end for section in sections if section.flags & _ALLOCATED]
    end = max([segments_at + segment_count * segment_size, *(item[2] + item[5] for item in segments), *loaded])
    if any(section.end > len(data) for section in sections) or not _HEADER.size <= end <= len(data):
        raise ValueError("it is truncated")

    kept = [
        number for number in range(section_count) if number == names or not _is_left_out(data, sections, number, names)
    ]
    places = {number: place for place, number in enumerate(kept)}
    result = bytearray(data[:end])
    table = b""
    for number in kept:
        section = sections[number]
        offset = section.offset
        if section.end > end:
            _align(result, section.alignment)
            offset = len(result)
            result += data[section.offset : section.end]
        if len(result) > len(data):
            raise ValueError("its sections overlap")
        info = places.get(section.info, 0) if section.flags & _INFO_IS_LINK else section.info
        moved = dataclasses.replace(section, offset=offset, link=places.get(section.link, 0), info=info)
        table += _SECTION.pack(*dataclasses.astuple(moved))
    _align(result, 8)
    header[6], header[12], header[13] = len(result), len(kept), places[names]
    result[: _HEADER.size] = _HEADER.pack(*header)
    return bytes(result) + table


def _table(data: bytes, form: struct.Struct, offset: int, count: int) -> list[tuple[int, ...]]:
    table = data[offset : offset + count * form.size]
    if len(table) != count * form.size:
        raise ValueError("it is truncated")
    return list(form.iter_unpack(table))


def _is_left_out(data: bytes, sections: Sequence[_Section], number: int, names: int) -> bool:
    section = sections[number]
    if section.flags & _ALLOCATED:
        return False
    if section.type == _STRINGS:
        return any(other.type == _SYMBOLS and other.link == number for other in sections)
    start = sections[names].offset + section.name
    # Relocations and groups of sections are for linkers.
    is_debugging = data[start : start + 10].startswith((b".debug_", b".zdebug_", b".gdb_index"))
    return is_debugging or section.type in (_SYMBOLS, _SYMBOL_INDICES, _REL, _RELA, _GROUP)


def _align(data: bytearray, alignment: int) -> None:
    if alignment > _ALIGNMENT_MAX:
        raise ValueError(f"a section is aligned to {alignment}")
    if alignment > 1:
        data += bytes(-len(data) % alignment)
