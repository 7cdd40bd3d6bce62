"""Create the good and bad files of the corpus for one architecture, byte by byte."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from typing import Any

from tools.elfcheck import elf_testing as make
from tools.elfcheck.elfcheck import Kind

PROGRAM, USERLAND, MODULE = Kind.STATIC_EXECUTABLE, Kind.USERLAND, Kind.KERNEL_MODULE
OTHER = {"aarch64": "x86_64", "x86_64": "aarch64"}

_CODE = (make.PT_LOAD, make.READ | make.EXECUTE, b"code")
_DATA = (make.PT_LOAD, make.READ | make.WRITE, b"data")
_STACK = (make.PT_GNU_STACK, make.READ | make.WRITE, b"")
_LOADER = (make.PT_INTERP, make.READ, b"/lib/ld.so\0")

# e_machine of other architectures that Linux supports, and of none.
_MACHINES = {
    "none": 0,
    "i386": 3,
    "m68k": 4,
    "mips": 8,
    "ppc64": 21,
    "s390": 22,
    "arm": 40,
    "riscv": 243,
    "max": 0xFFFF,
}

# Offset of every field of the three headers, elf(5).
_FIELDS = {
    "e_ident": 0,
    "EI_CLASS": 4,
    "EI_DATA": 5,
    "EI_VERSION": 6,
    "EI_OSABI": 7,
    "EI_ABIVERSION": 8,
    "EI_PAD": 9,
    "e_type": 16,
    "e_machine": 18,
    "e_version": 20,
    "e_entry": 24,
    "e_phoff": 32,
    "e_shoff": 40,
    "e_flags": 48,
    "e_ehsize": 52,
    "e_phentsize": 54,
    "e_phnum": 56,
    "e_shentsize": 58,
    "e_shnum": 60,
    "e_shstrndx": 62,
}
_PROGRAM_FIELDS = {
    "p_type": 0,
    "p_flags": 4,
    "p_offset": 8,
    "p_vaddr": 16,
    "p_paddr": 24,
    "p_filesz": 32,
    "p_memsz": 40,
    "p_align": 48,
}
_SECTION_FIELDS = {
    "sh_name": 0,
    "sh_type": 4,
    "sh_flags": 8,
    "sh_addr": 16,
    "sh_offset": 24,
    "sh_size": 32,
    "sh_link": 40,
    "sh_info": 44,
    "sh_addralign": 48,
    "sh_entsize": 56,
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A file of the corpus.

    Attributes:
        name: short description.
        kind: kind that the checks expect.
        data: its bytes.
        reason: part of the error; empty if the file is good.
        own: whether the error applies to this kind only.
    """

    name: str
    kind: Kind
    data: bytes
    reason: str = ""
    own: bool = False


def cases(architecture: str) -> list[Case]:
    """Return all files for an architecture."""
    return [
        *_good(architecture),
        *_other_machines(architecture),
        *_truncated(architecture),
        *(dataclasses.replace(case, own=True) for case in _of_another_kind(architecture)),
        *_wild_numbers(architecture),
        *_no_elf(),
    ]


def patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """Return bytes with one number replaced."""
    result = bytearray(data)
    struct.pack_into(form, result, offset, value)
    return bytes(result)


def elf_32(machine: int, order: str = "<") -> bytes:
    """Return a whole ELF file of 32 bits with one segment."""
    ident = b"\x7fELF" + bytes([1, 1 if order == "<" else 2, 1]) + bytes(9)
    header = struct.pack(order + "16sHHIIIIIHHHHHH", ident, 2, machine, 1, 0x10000, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return header + struct.pack(order + "IIIIIIII", 1, 84, 0x10000, 0x10000, 4, 4, 5, 1) + b"code"


def big_endian(architecture: str) -> bytes:
    """Return a whole big-endian ELF file of 64 bits with one segment."""
    ident = b"\x7fELF" + bytes([2, 2, 1]) + bytes(9)
    fields = (ident, 2, make.MACHINES[architecture], 1, 0x10000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return struct.pack(">16sHHIQQQIHHHHHH", *fields) + struct.pack(">IIQQQQQQ", 1, 5, 120, 0, 0, 4, 4, 1) + b"code"


def _good(architecture: str) -> Iterator[Case]:
    library = make.dynamic((make.DT_SONAME, 1), strings=b"\0libx\0", architecture=architecture, kind=make.ET_DYN)
    program = make.elf(architecture)
    yield Case("static program", PROGRAM, program)
    yield Case("static position independent program", PROGRAM, make.elf(architecture, make.ET_DYN))
    yield Case("static program with data", PROGRAM, make.elf(architecture, segments=(_CODE, _DATA, _STACK)))
    yield Case("static program with sections", PROGRAM, make.elf(architecture, sections=((".text", b"x"),)))
    yield Case(
        "static program that relocates itself", PROGRAM, make.dynamic(architecture=architecture, kind=make.ET_DYN)
    )
    yield Case("static program for Linux by name", PROGRAM, patched(program, 7, "<B", 3))
    yield Case("static program with bytes behind it", PROGRAM, program + b"signature")
    yield Case("library", USERLAND, library)
    yield Case("dynamic program", USERLAND, make.elf(architecture, make.ET_DYN, (_CODE, _LOADER, _STACK)))
    yield Case(
        "program with an executable stack, as old ones have", USERLAND, make.elf(architecture, segments=(_CODE,))
    )
    yield Case("object file", USERLAND, make.elf(architecture, make.ET_REL, (), ((".text", b"x"),), entry=0))
    yield Case("kernel module", MODULE, make.module(architecture))


def _other_machines(architecture: str) -> Iterator[Case]:
    other = OTHER[architecture]
    wanted = "not EM_" + architecture.upper()
    for kind, data in {
        PROGRAM: make.elf(other),
        USERLAND: make.dynamic(architecture=other, kind=make.ET_DYN),
        MODULE: make.module(other),
    }.items():
        yield Case(f"{kind} of {other}", kind, data, wanted)
    for name, number in _MACHINES.items():
        yield Case(f"machine {name}", PROGRAM, patched(make.elf(architecture), 18, "<H", number), wanted)
    yield Case("i386 of 32 bits", PROGRAM, elf_32(3), "64 bits")
    yield Case("arm of 32 bits", USERLAND, elf_32(40), "64 bits")
    yield Case("big-endian arm of 32 bits", USERLAND, elf_32(40, ">"), "64 bits")
    yield Case("own machine with pointers of 32 bits", PROGRAM, elf_32(make.MACHINES[architecture]), "64 bits")
    yield Case("big-endian", PROGRAM, big_endian(architecture), "little-endian")
    yield Case("big-endian library", USERLAND, big_endian(architecture), "little-endian")
    yield Case("class 0", PROGRAM, patched(make.elf(architecture), 4, "<B", 0), "64 bits")
    yield Case("byte order 0", PROGRAM, patched(make.elf(architecture), 5, "<B", 0), "little-endian")
    yield Case("version 0", PROGRAM, patched(make.elf(architecture), 6, "<B", 0), "version 0")
    yield Case("for FreeBSD", PROGRAM, patched(make.elf(architecture), 7, "<B", 9), "another system")


def _truncated(architecture: str) -> Iterator[Case]:
    """Yield files that end before each field of each header."""
    data = make.elf(architecture, sections=((".text", b"x"), (".data", b"y")))
    reasons = {"e_ident": "not an ELF file"}
    for name, at in _FIELDS.items():
        yield Case(f"ends before {name}", PROGRAM, data[:at], reasons.get(name, "its header is incomplete"))
    for name, at in _PROGRAM_FIELDS.items():
        yield Case(f"ends before {name}", PROGRAM, data[: 64 + at], "segment headers lie outside")
        yield Case(
            f"ends before {name} of the second segment", PROGRAM, data[: 120 + at], "segment headers lie outside"
        )
    table = struct.unpack_from("<Q", data, 40)[0]
    for name, at in _SECTION_FIELDS.items():
        yield Case(f"ends before {name}", PROGRAM, data[: table + at], "section headers lie outside")
        yield Case(f"ends before {name} of the last section", PROGRAM, data[: table + 192 + at], "section headers lie")
    yield Case("ends within a segment", PROGRAM, make.elf(architecture)[: 64 + 2 * 56 + 3], "segment 0 lies outside")


def _of_another_kind(architecture: str) -> Iterator[Case]:
    def elf(*segments: tuple[int, int, bytes], **kwargs: Any) -> bytes:
        return make.elf(architecture, segments=segments, **kwargs)

    def dynamic(*tags: tuple[int, int], **kwargs: Any) -> bytes:
        return make.dynamic(*tags, architecture=architecture, **kwargs)

    writable_code = (make.PT_LOAD, 7, b"code")
    yield Case("asks for an interpreter", PROGRAM, elf(_CODE, _LOADER, _STACK), "interpreter /lib/ld.so")
    yield Case("asks for a library", PROGRAM, dynamic((make.DT_NEEDED, 1), strings=b"\0libc.so.6\0"), "libc.so.6")
    yield Case("is a library", PROGRAM, dynamic((make.DT_SONAME, 1), strings=b"\0libx\0"), "shared library")
    yield Case("has no entry point", PROGRAM, make.elf(architecture, make.ET_DYN, entry=0), "shared library")
    yield Case("text relocations", PROGRAM, dynamic((make.DT_TEXTREL, 0)), "text relocations")
    yield Case("text relocations by flag", PROGRAM, dynamic((make.DT_FLAGS, 4)), "text relocations")
    yield Case("writable code", PROGRAM, elf(writable_code, _STACK), "writable and executable")
    yield Case("writable code, second segment", PROGRAM, elf(_CODE, writable_code, _STACK), "writable and executable")
    yield Case("executable stack", PROGRAM, elf(_CODE, (make.PT_GNU_STACK, 7, b"")), "executable stack")
    yield Case("silent of its stack", PROGRAM, elf(_CODE), "no PT_GNU_STACK")
    yield Case("nothing to load", PROGRAM, elf(_STACK), "nothing to load")
    yield Case("no segments", PROGRAM, elf(), "nothing to load")
    yield Case("object file as program", PROGRAM, make.elf(architecture, make.ET_REL, ()), "ET_REL")
    yield Case("kernel module as program", PROGRAM, make.module(architecture), "ET_REL")
    yield Case("core dump", PROGRAM, make.elf(architecture, make.ET_CORE), "ET_CORE")
    yield Case("core dump in a package", USERLAND, make.elf(architecture, make.ET_CORE), "ET_CORE")
    yield Case("unknown type", USERLAND, make.elf(architecture, 0xFE00), "its type is")
    yield Case("program as kernel module", MODULE, make.elf(architecture), "ET_EXEC")
    sections = ((".text", b"x"),)
    yield Case("object as kernel module", MODULE, make.elf(architecture, make.ET_REL, (), sections), ".modinfo")


def _wild_numbers(architecture: str) -> Iterator[Case]:
    program, module = make.elf(architecture), make.module(architecture)
    table = struct.unpack_from("<Q", module, 40)[0]
    uncounted = patched(module, 60, "<H", 0)
    for name, value in {"2**32": 2**32, "2**63": 2**63, "2**64 - 1": 2**64 - 1}.items():
        yield Case(
            f"{name} sections", MODULE, patched(uncounted, table + 32, "<Q", value), "section headers lie outside"
        )
        yield Case(f"section table at {name}", MODULE, patched(module, 40, "<Q", value), "section headers lie outside")
        yield Case(
            f"segment table at {name}", PROGRAM, patched(program, 32, "<Q", value), "segment headers lie outside"
        )
        yield Case(f"segment of {name} bytes", PROGRAM, patched(program, 96, "<Q", value), "segment 0 lies outside")
        yield Case(
            f"section of {name} bytes", MODULE, patched(module, table + 96, "<Q", value), "section 1 lies outside"
        )
    yield Case("65535 sections", MODULE, patched(module, 60, "<H", 0xFFFF), "65535 section headers")
    yield Case("65535 segments", PROGRAM, patched(program, 56, "<H", 0xFFFF), "more segments")
    yield Case("segment headers of 0 bytes", PROGRAM, patched(program, 54, "<H", 0), "segment headers of 0 bytes")
    yield Case("section headers of 0 bytes", MODULE, patched(module, 58, "<H", 0), "section headers of 0 bytes")
    yield Case("names in no section", MODULE, patched(module, 62, "<H", 0xFF00), "the sections' names")


def _no_elf() -> Iterator[Case]:
    for name, data in {
        "empty": b"",
        "zeros": bytes(4096),
        "script": b"#!/bin/sh\nexec true\n",
        "script with bytes of an ELF file": b"#!/bin/sh\n\x7fELF",
        "text": b"Not Found\n",
        "PE program": b"MZ" + bytes(62) + b"PE\0\0",
        "Mach-O program": b"\xcf\xfa\xed\xfe" + bytes(60),
        "gzip": b"\x1f\x8b\x08" + bytes(60),
        "archive": b"!<arch>\n",
        "bitcode": b"BC\xc0\xde" + bytes(60),
        "almost the magic": b"\x7fELE" + bytes(60),
    }.items():
        for kind in (PROGRAM, MODULE):
            yield Case(f"{name} as {kind}", kind, data, "is not an ELF file")
