"""Bounds of an ELF file, read by hand (gABI chapters 4 and 5, elf(5)): 64 bits, little-endian.

A parser that trusts a header loops over 2**64 sections or allocates what a size field asks for. After
`problem` found none, every table, segment and section lies inside the file.
"""

from __future__ import annotations

import struct

MAGIC = b"\x7fELF"

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_CLASS_64, _LITTLE_ENDIAN, _VERSION = 2, 1, 1
_SHT_NOBITS = 8
_PN_XNUM = 0xFFFF
_SHN_XINDEX = 0xFFFF
_SECTIONS_MAX = 1_000_000
"""More sections than any compiler makes; a bound on the work that a small file can cause."""


def problem(data: bytes) -> str:
    """Says what is wrong with a file's layout; the empty string if nothing is."""
    if data[:4] != MAGIC:
        return "is no ELF file"
    if len(data) < _HEADER.size:
        return "is a truncated ELF file: its header is incomplete"
    header = _HEADER.unpack_from(data)
    ident = header[0]
    if ident[4] != _CLASS_64:
        return "is no ELF file of 64 bits"
    if ident[5] != _LITTLE_ENDIAN:
        return "is no little-endian ELF file"
    if ident[6] != _VERSION:
        return f"is an ELF file of unknown version {ident[6]}"
    program_offset, section_offset = header[5], header[6]
    program_size, programs, section_size, sections, names = header[9:14]
    if programs == _PN_XNUM:
        return "has more segments than a program has"
    return _programs(data, program_offset, program_size, programs) or _sections(
        data, section_offset, section_size, sections, names
    )


def end(data: bytes) -> int:
    """Returns the offset behind the last header, segment or section of a file without a `problem`."""
    header = _HEADER.unpack_from(data)
    program_offset, section_offset = header[5], header[6]
    programs, sections = header[10], header[12]
    ends = [_HEADER.size]
    for number in range(programs):
        at = program_offset + number * _PROGRAM_HEADER.size
        fields = _PROGRAM_HEADER.unpack_from(data, at)
        ends += [at + _PROGRAM_HEADER.size, fields[2] + fields[5]]
    if section_offset:
        sections = sections or _SECTION_HEADER.unpack_from(data, section_offset)[5]
    for number in range(sections):
        at = section_offset + number * _SECTION_HEADER.size
        fields = _SECTION_HEADER.unpack_from(data, at)
        # The first section is none; its fields are the header's where those are too small.
        ends += [at + _SECTION_HEADER.size, fields[4] + fields[5] if number and fields[1] != _SHT_NOBITS else 0]
    return max(ends)


def _programs(data: bytes, offset: int, entry: int, count: int) -> str:
    if not count:
        return ""
    if entry != _PROGRAM_HEADER.size:
        return f"has segment headers of {entry} bytes, not {_PROGRAM_HEADER.size}"
    if offset + entry * count > len(data):
        return "is a truncated ELF file: its segment headers lie outside of it"
    for number in range(count):
        fields = _PROGRAM_HEADER.unpack_from(data, offset + number * entry)
        if fields[2] + fields[5] > len(data):
            return f"is a truncated ELF file: segment {number} lies outside of it"
    return ""


def _sections(data: bytes, offset: int, entry: int, count: int, names: int) -> str:
    if not offset:
        return "" if not count else "has sections, and no table of them"
    if entry != _SECTION_HEADER.size:
        return f"has section headers of {entry} bytes, not {_SECTION_HEADER.size}"
    if offset + entry > len(data):
        return "is a truncated ELF file: its section headers lie outside of it"
    first = _SECTION_HEADER.unpack_from(data, offset)
    # Numbers too large for the header stand in the first section's.
    count = count or first[5]
    names = first[6] if names == _SHN_XINDEX else names
    if count > _SECTIONS_MAX or offset + entry * count > len(data):
        return f"is a truncated ELF file: its {count} section headers lie outside of it"
    if names >= count:
        return "has no section of the sections' names"
    for number in range(count):
        fields = _SECTION_HEADER.unpack_from(data, offset + number * entry)
        if number and fields[1] != _SHT_NOBITS and fields[4] + fields[5] > len(data):
            return f"is a truncated ELF file: section {number} lies outside of it"
    return ""
