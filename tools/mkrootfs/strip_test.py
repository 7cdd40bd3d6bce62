"""Stripped files keep their loaded parts, and lose symbols and debugging information."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.fsspec.content import Inline, read
from tools.fsspec.tree import Entry, Kind
from tools.mkrootfs import strip

_CODE = b"code" * 16
# Name, type, flags, bytes, name of the section in sh_link.
_SECTIONS = (
    ("", 0, 0, b"", ""),
    (".text", 1, 0x6, _CODE, ""),
    (".debug_info", 1, 0, b"d" * 500, ""),
    (".comment", 1, 0x30, b"compiler\0", ""),
    (".symtab", 2, 0, b"s" * 48, ".strtab"),
    (".strtab", 3, 0, b"\0main\0", ""),
    (".rela.debug_info", 4, 0x40, b"r" * 48, ".symtab"),
    (".note", 7, 0, b"note", ".comment"),
    (".shstrtab", 3, 0, b"", ""),
)


def _elf() -> bytes:
    order = [section[0] for section in _SECTIONS]
    names = b"\0".join(name.encode() for name in order) + b"\0"
    data = bytearray(64) + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 184, 184, 4096)
    table = b""
    for name, kind, flags, bytes_, link in _SECTIONS:
        bytes_ = names if name == ".shstrtab" else bytes_
        linked = order.index(link) if link else 0
        at = names.index(b"\0" + name.encode() + b"\0") + 1 if name else 0
        table += struct.pack(
            "<IIQQQQIIQQ", at, kind, flags, 0, len(data), len(bytes_), linked, 2 if flags & 0x40 else 0, 1, 0
        )
        data += bytes_
    identification = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", identification, 2, 62, 1, 0, 64, len(data), 0, 64, 56, 1, 64, len(order), len(order) - 1
    )
    data[:64] = header
    return bytes(data) + table


def test_symbols_and_debugging_information_are_removed() -> None:
    stripped = strip.without_symbols(_elf(), "x")
    elf: Any = ELFFile(io.BytesIO(stripped))
    found = {section.name: section for section in elf.iter_sections()}
    assert list(found) == ["", ".text", ".comment", ".note", ".shstrtab"]
    assert found[".comment"].data() == b"compiler\0"
    assert found[".note"].data() == b"note"
    assert elf.get_section(found[".note"]["sh_link"]).name == ".comment"
    assert b"ddd" not in stripped and b"main" not in stripped


def test_loaded_parts_keep_their_place() -> None:
    data = _elf()
    elf: Any = ELFFile(io.BytesIO(strip.without_symbols(data, "x")))
    (segment,) = elf.iter_segments()
    assert segment.data()[64:] == data[64:184]
    assert segment.data()[120:] == _CODE


def test_stripped_file_is_unchanged() -> None:
    once = strip.without_symbols(_elf(), "x")
    assert strip.without_symbols(once, "x") == once


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#!/bin/sh\n", "is not an ELF file"),
        (_elf()[:100], "is a truncated ELF file"),
        (_elf()[:62] + b"\xff\x00" + _elf()[64:], "no section with the sections' names"),
    ],
)
def test_damaged_file_is_rejected_with_reason(data: bytes, message: str) -> None:
    with pytest.raises(strip.StripError, match=message):
        strip.without_symbols(data, "x")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(_elf()) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_file_is_rejected_or_not_longer(changes: list[tuple[int, int]]) -> None:
    data = bytearray(_elf())
    for place, value in changes:
        data[place] = value
    try:
        stripped = strip.without_symbols(bytes(data), "x")
    except strip.StripError:
        return
    assert len(stripped) <= len(data) + 64


def test_pattern_that_matches_nothing_is_an_error() -> None:
    stripping = strip.Stripping(["usr/bin/*", "usr/lib/*"])
    entry = Entry(path="usr/bin/a", kind=Kind.FILE, mode=0o755, content=Inline(_elf()), origin="a")
    stripped = stripping.apply(entry)
    assert stripped.content and read(stripped.content) == strip.without_symbols(_elf(), "x")
    with pytest.raises(strip.StripError, match=r"no file to strip matches usr/lib/\*"):
        stripping.check()
