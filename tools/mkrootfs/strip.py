"""Remove symbols and debugging information from ELF files, as strip(1) does.

Segments and the symbols that the loader reads keep their bytes and their places. Sections outside of segments follow
the last segment: those of symbols and debugging are removed, and the others move up with the section table.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence

from tools.cli import errors
from tools.elfcheck import layout
from tools.elfcheck.layout import LayoutError
from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry
from tools.mkrootfs import exclusions

_ALIGNMENT_MAX = 2**16
# Symbols, and tables that only linkers read.
_SYMBOLIC = (layout.SHT_SYMTAB, layout.SHT_SYMTAB_SHNDX, layout.SHT_REL, layout.SHT_RELA, layout.SHT_GROUP)
_DEBUGGING = (b".debug_", b".zdebug_", b".gdb_index")


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
    except (struct.error, LayoutError) as error:
        raise StripError(f"cannot be stripped: {error}", where=where, fix="remove it from `strip`") from None


def _stripped(data: bytes) -> bytes:
    elf = layout.parse(data)
    sections, names = layout.section_headers(data)
    if not sections:
        return data
    header = list(layout.HEADER.unpack_from(data))
    # The kept beginning has the header, the segments and their table, and the loaded sections.
    end = max(
        layout.HEADER.size,
        header[5] + header[9] * header[10],
        *(segment.offset + segment.file_size for segment in elf.segments),
        *(section.end for section in sections if section.flags & layout.SHF_ALLOC),
    )
    if end > len(data):
        raise LayoutError("is a truncated ELF file: a segment lies outside of it")
    strings = {section.link for section in sections if section.type == layout.SHT_SYMTAB}
    kept: list[int] = []
    for number, section in enumerate(sections):
        unused = (
            section.type in _SYMBOLIC
            or (section.type == layout.SHT_STRTAB and number in strings)
            or data.startswith(_DEBUGGING, sections[names].offset + section.name)
        )
        if number == names or section.flags & layout.SHF_ALLOC or not unused:
            kept.append(number)
    places = {number: place for place, number in enumerate(kept)}
    result = bytearray(data[:end])
    table = bytearray()
    for number in kept:
        section = sections[number]
        offset = section.offset
        if section.end > end:
            _align(result, section.alignment)
            offset = len(result)
            result += data[section.offset : section.end]
        if len(result) > len(data):
            raise LayoutError("has sections that overlap")
        info = places.get(section.info, 0) if section.flags & layout.SHF_INFO_LINK else section.info
        table += layout.SECTION_HEADER.pack(
            *section._replace(offset=offset, link=places.get(section.link, 0), info=info)
        )
    _align(result, 8)
    header[6], header[12], header[13] = len(result), len(kept), places[names]
    result[: layout.HEADER.size] = layout.HEADER.pack(*header)
    return bytes(result + table)


def _align(data: bytearray, alignment: int) -> None:
    if alignment > _ALIGNMENT_MAX:
        raise LayoutError(f"has a section that is aligned to {alignment}")
    if alignment > 1:
        data += bytes(-len(data) % alignment)
