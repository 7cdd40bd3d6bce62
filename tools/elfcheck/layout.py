"""Read the tables of an ELF file by hand (gABI chapters 4 and 5, elf(5)): 64 bits, little-endian.

Input is hostile. All tables and returned parts lie inside the file. The module reads what a kernel reads: a program may
lack its section table, or have a damaged one, and an unloaded segment may point anywhere. Only signs of truncation
count.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from typing import NamedTuple

MAGIC = b"\x7fELF"

ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_GNU_STACK = 1, 2, 3, 4, 0x6474E551
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA = 0, 1, 2, 3, 4
SHT_NOTE, SHT_NOBITS, SHT_REL, SHT_GROUP, SHT_SYMTAB_SHNDX = 7, 8, 9, 17, 18
SHF_ALLOC, SHF_INFO_LINK = 0x2, 0x40

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_CLASS_32, _CLASS_64, _LITTLE_ENDIAN, _BIG_ENDIAN, _VERSION = 1, 2, 1, 2, 1
_SHN_XINDEX = 0xFFFF
_PROGRAM_HEADERS_MAX = 2**16
"""Most bytes of segment headers that Linux reads (load_elf_phdrs)."""
_NAME_MAX = 64
"""Bytes of a section's name to keep; the relevant names are shorter."""
_TRUNCATED = "is a truncated ELF file: its {} section headers lie outside of it"
_SECTIONS_MAX = 1_000_000
"""More sections than any compiler creates; limits the work that a small file can cost."""


class LayoutError(Exception):
    """A file that is not an ELF file, or a damaged one; its text is the reason."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """One segment, in the order of its header's fields."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int


class SectionHeader(NamedTuple):
    """One header of the section table, in the order of its fields."""

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
        """The end of the section in the file."""
        return self.offset + (0 if self.type in (SHT_NULL, SHT_NOBITS) else self.size)


@dataclasses.dataclass(frozen=True)
class Section:
    """One section."""

    name: bytes
    type: int
    flags: int
    offset: int
    size: int


@dataclasses.dataclass(frozen=True)
class Elf:
    """A file with a valid header and valid segments.

    Attributes:
        data: its bytes.
        machine: e_machine.
        type: e_type.
        os_abi: EI_OSABI.
        entry: address of its entry point.
        segments: its segments.
    """

    data: bytes
    machine: int
    type: int
    os_abi: int
    entry: int
    segments: tuple[Segment, ...]

    @functools.cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections, without the first, which is empty.

        Raises:
            LayoutError: the section table is damaged, or a section is outside of the file.
        """
        return _sections(self.data)

    @property
    def end(self) -> int:
        """The end of the file according to its headers: behind its last header, segment or section."""
        header = HEADER.unpack_from(self.data)
        ends = [HEADER.size, header[5] + len(self.segments) * _PROGRAM_HEADER.size if self.segments else 0]
        ends += [segment.offset + segment.file_size for segment in self.segments]
        if header[6]:
            ends.append(header[6] + (len(self.sections) + 1) * SECTION_HEADER.size)
        ends += [section.offset + section.size for section in self.sections if section.type != SHT_NOBITS]
        return max(ends)


def parse(data: bytes) -> Elf:
    """Read header and segments.

    Raises:
        LayoutError: the file is not an ELF file of 64 bits, or they are damaged.
    """
    if data[:4] != MAGIC:
        raise LayoutError("is not an ELF file")
    if len(data) < HEADER.size:
        raise LayoutError("is a truncated ELF file: its header is incomplete")
    ident, kind, machine, _, entry, program_offset, *_, program_size, programs, _, _, _ = HEADER.unpack_from(data)
    if ident[4] != _CLASS_64:
        bits = "32" if ident[4] == _CLASS_32 else "an unknown number of"
        raise LayoutError(f"is an ELF file of {bits} bits, not of 64 bits")
    if ident[5] != _LITTLE_ENDIAN:
        order = "a big-endian byte order" if ident[5] == _BIG_ENDIAN else "an unknown byte order"
        raise LayoutError(f"is an ELF file of {order}, not of the little-endian one")
    if ident[6] != _VERSION:
        raise LayoutError(f"is an ELF file of unknown version {ident[6]}")
    return Elf(data, machine, kind, ident[7], entry, _programs(data, program_offset, program_size, programs))


def _programs(data: bytes, offset: int, entry: int, count: int) -> tuple[Segment, ...]:
    if not count:
        return ()
    if entry != _PROGRAM_HEADER.size:
        raise LayoutError(f"has segment headers of {entry} bytes, not {_PROGRAM_HEADER.size}")
    if entry * count > _PROGRAM_HEADERS_MAX:
        raise LayoutError(f"has more segments than the {_PROGRAM_HEADERS_MAX // entry} that a kernel reads: {count}")
    if offset + entry * count > len(data):
        raise LayoutError("is a truncated ELF file: its segment headers lie outside of it")
    segments = [Segment(*_PROGRAM_HEADER.unpack_from(data, offset + number * entry)) for number in range(count)]
    return tuple(segments)


def check_segments(elf: Elf) -> None:
    """Check what a kernel and a dynamic loader check before they load a file, and that it is whole.

    Of the section table, which they do not read, only its position counts: it is at the end of a file, so that a
    truncated file lacks it. A stripped table has no position.

    Raises:
        LayoutError: the file is truncated, or a loaded segment is larger than its memory.
    """
    header = HEADER.unpack_from(elf.data)
    if header[6] and header[11] == SECTION_HEADER.size and header[6] + header[11] * header[12] > len(elf.data):
        raise LayoutError(_TRUNCATED.format(header[12]))
    for number, segment in enumerate(elf.segments):
        if segment.type not in (PT_LOAD, PT_DYNAMIC, PT_INTERP):
            continue
        if segment.offset + segment.file_size > len(elf.data):
            raise LayoutError(f"is a truncated ELF file: segment {number} lies outside of it")
        if segment.type == PT_LOAD and segment.file_size > segment.memory_size:
            raise LayoutError(f"has a segment {number} that is larger in the file than in memory")


def section_headers(data: bytes) -> tuple[list[SectionHeader], int]:
    """Return the section table, and the index of the section that has the sections' names.

    Args:
        data: a file that `parse` accepts.

    Raises:
        LayoutError: the section table is damaged, or a section is outside of the file.
    """
    _, _, _, _, _, _, offset, _, _, _, _, entry, count, names = HEADER.unpack_from(data)
    if not offset:
        if count:
            raise LayoutError("has sections, but no section table")
        return [], 0
    if entry != SECTION_HEADER.size:
        raise LayoutError(f"has section headers of {entry} bytes, not {SECTION_HEADER.size}")
    if offset + entry > len(data):
        raise LayoutError("is a truncated ELF file: its section headers lie outside of it")
    first = SectionHeader._make(SECTION_HEADER.unpack_from(data, offset))
    # The first section has the numbers that are too large for the header.
    count = count or first.size
    named = first.link if names == _SHN_XINDEX else names
    if count > _SECTIONS_MAX or offset + entry * count > len(data):
        raise LayoutError(_TRUNCATED.format(count))
    if named >= max(count, 1):
        raise LayoutError("has no section with the sections' names")
    table = memoryview(data)[offset : offset + entry * count]
    headers = [SectionHeader._make(fields) for fields in SECTION_HEADER.iter_unpack(table)]
    for number, header in enumerate(headers):
        if number and header.type not in (SHT_NULL, SHT_NOBITS) and header.end > len(data):
            raise LayoutError(f"is a truncated ELF file: section {number} lies outside of it")
    return headers, named


def _sections(data: bytes) -> tuple[Section, ...]:
    headers, named = section_headers(data)
    texts = b""
    if named and headers[named].type != SHT_NOBITS:
        texts = data[headers[named].offset : headers[named].offset + headers[named].size]
    return tuple(
        Section(_text(texts, name), kind, flags, start, 0 if kind == SHT_NULL else size)
        for name, kind, flags, _, start, size, *_ in headers[1:]
    )


def _text(texts: bytes, at: int) -> bytes:
    # Bounded: a million sections may share one name without an end.
    return texts[at : at + _NAME_MAX].partition(b"\0")[0]
