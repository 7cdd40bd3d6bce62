"""Create ELF files for tests, byte by byte: every fault is possible, and no compiler is needed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

MACHINES = {"aarch64": 183, "bpf": 247, "riscv": 243, "x86_64": 62}
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_GNU_STACK = 1, 2, 3, 4, 0x6474E551
DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_TEXTREL, DT_RUNPATH, DT_FLAGS = 1, 5, 10, 14, 22, 29, 30
READ, WRITE, EXECUTE = 4, 2, 1
_CODE = (PT_LOAD, READ | EXECUTE, b"code")
_STACK = (PT_GNU_STACK, READ | WRITE, b"")
_DEBUG_SECTIONS = ((".text", b""), (".debug_info", b"debug"))


def elf(
    architecture: str = "x86_64",
    kind: int = ET_EXEC,
    segments: Sequence[tuple[int, int, bytes]] = (_CODE, _STACK),
    sections: Sequence[tuple[str, bytes]] = (),
    entry: int = 0x400000,
) -> bytes:
    """Return an ELF file.

    Args:
        architecture: key of MACHINES.
        kind: e_type.
        segments: tuples of type, flags and bytes.
        sections: tuples of name and bytes.
        entry: address of the entry point.
    """
    names = b"\0" + b"".join(name.encode() + b"\0" for name, _ in sections) + b".shstrtab\0"
    blobs = [data for _, _, data in segments] + [data for _, data in sections] + [names]
    offsets = [64 + 56 * len(segments)]
    for blob in blobs:
        offsets.append(offsets[-1] + len(blob))
    table = offsets[-1] if sections else 0
    count = len(sections) + 2 if sections else 0
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    result = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(ident, kind, MACHINES[architecture], 1, entry, 64 if segments else 0, table, 0, 64),
        *(56, len(segments), 64, count, max(count - 1, 0)),
    )
    for (type_, flags, data), offset in zip(segments, offsets, strict=False):
        address = 0x400000 + offset
        sizes = (len(data), len(data))
        result += struct.pack("<IIQQQQQQ", type_, flags, offset, address, address, *sizes, 1)
    result += b"".join(blobs)
    if not sections:
        return result
    result += bytes(64)
    at = 1
    for (name, data), offset in zip(sections, offsets[len(segments) :], strict=False):
        result += struct.pack("<IIQQQQIIQQ", at, 1, 0, 0, offset, len(data), 0, 0, 1, 0)
        at += len(name) + 1
    return result + struct.pack("<IIQQQQIIQQ", at, 3, 0, 0, offsets[-2], len(names), 0, 0, 1, 0)


def debug_file(architecture: str = "x86_64") -> bytes:
    """Return the output of `objcopy --only-keep-debug` for a program: no code, and the same segments."""
    data = bytearray(elf(architecture, segments=(_CODE, (PT_DYNAMIC, READ, b"junk")), sections=_DEBUG_SECTIONS))
    (table,) = struct.unpack_from("<Q", data, 40)
    # Section 1: SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, of 4 KiB.
    struct.pack_into("<IQ", data, table + 64 + 4, 8, 6)
    struct.pack_into("<Q", data, table + 64 + 32, 4096)
    # Both segments keep the lengths that they had in the program.
    for number in range(2):
        struct.pack_into("<Q", data, 64 + 56 * number + 32, 2**20)
    return bytes(data)


def dynamic(*tags: tuple[int, int], strings: bytes = b"\0", **kwargs: Any) -> bytes:
    """Return a dynamically linked ELF file with the given tags; the tags refer to strings by offset."""
    table_size = 16 * (len(tags) + 3)
    # ELF header and 3 program headers, then the strings, which one segment loads where they are.
    at = 64 + 56 * 3
    entries = [*tags, (DT_STRTAB, 0x400000 + at), (DT_STRSZ, len(strings)), (0, 0)]
    table = b"".join(struct.pack("<qQ", *pair) for pair in entries)
    assert len(table) == table_size
    loaded = (PT_LOAD, READ, strings)
    return elf(segments=(loaded, (PT_DYNAMIC, READ, table), _STACK), **kwargs)


def module(architecture: str = "x86_64", modinfo: bytes = b"name=m\0") -> bytes:
    """Return a kernel module."""
    return elf(architecture, ET_REL, (), ((".modinfo", modinfo),), entry=0)
