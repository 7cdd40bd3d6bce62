"""Test of the ELF checks, and of the program around them."""

from __future__ import annotations

import json
import pathlib
import random
import struct

import pytest

from tools.cli import cli_testing, errors
from tools.elfcheck import elf_testing as make
from tools.elfcheck import elfcheck, elfcheck_main, foreign_testing, layout
from tools.elfcheck.elfcheck import Kind

CODE = (make.PT_LOAD, make.READ | make.EXECUTE, b"code")
STACK = (make.PT_GNU_STACK, make.READ | make.WRITE, b"")


def check(data: bytes, kind: Kind = Kind.STATIC_EXECUTABLE, architecture: str = "x86_64") -> elfcheck.ElfInfo:
    return elfcheck.check(data, architecture, kind, "agent")


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
@pytest.mark.parametrize("kind", [make.ET_EXEC, make.ET_DYN])
def test_static_executable_is_accepted(architecture: str, kind: int) -> None:
    info = check(make.elf(architecture, kind), architecture=architecture)
    assert info.machine == "EM_" + architecture.upper()
    assert (info.interpreter, info.needed) == ("", ())


def test_wrong_architecture_names_both() -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(make.elf("x86_64"), architecture="aarch64")
    assert str(caught.value) == (
        "agent: is of machine EM_X86_64, not EM_AARCH64 (aarch64): build it for aarch64 as a static executable"
    )


LIBRARY = make.dynamic(
    (make.DT_NEEDED, 1),
    (make.DT_SONAME, 11),
    (make.DT_RUNPATH, 18),
    strings=b"\0libc.so.6\0libx.1\0$ORIGIN:/opt\0",
    kind=make.ET_DYN,
)


def test_info_of_a_library_has_its_names() -> None:
    info = check(LIBRARY, Kind.USERLAND)
    assert info.needed == ("libc.so.6",)
    assert info.soname == "libx.1"
    assert info.search == ("$ORIGIN", "/opt")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make.elf(segments=(CODE, STACK, (make.PT_INTERP, 4, b"/lib/ld.so\0"))), "/lib/ld.so"),
        (make.dynamic((make.DT_NEEDED, 1), strings=b"\0libc.so.6\0"), "needs libc.so.6"),
        (make.dynamic((make.DT_SONAME, 1), strings=b"\0libx\0"), "shared library"),
        (make.elf(kind=make.ET_DYN, entry=0), "shared library"),
        (make.dynamic((make.DT_TEXTREL, 0)), "text relocations"),
        (make.dynamic((make.DT_FLAGS, 4)), "text relocations"),
        (make.elf(segments=((make.PT_LOAD, 7, b"code"), STACK)), "writable and executable"),
        (make.elf(segments=(CODE, (make.PT_GNU_STACK, 7, b""))), "executable stack"),
        (make.elf(segments=(CODE,)), "no PT_GNU_STACK"),
        (make.elf(segments=(STACK,)), "nothing to load"),
        (make.module(), "type is ET_REL"),
        (make.elf(kind=make.ET_CORE), "type is ET_CORE"),
        (make.elf("riscv"), "EM_RISCV"),
    ],
)
def test_unsuitable_static_executable_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(data)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make.elf(), "not a kernel module: its type is ET_EXEC"),
        (make.elf(kind=make.ET_REL, sections=((".text", b"x"),)), "no section .modinfo"),
        (make.module("aarch64"), "EM_AARCH64"),
    ],
)
def test_unsuitable_kernel_module_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(data, Kind.KERNEL_MODULE)
    assert reason in str(caught.value)


def test_kernel_module_is_accepted_and_its_section_read() -> None:
    data = make.module(modinfo=b"license=GPL\0name=zram\0")
    assert check(data, Kind.KERNEL_MODULE).type == "ET_REL"
    assert elfcheck.section(data, ".modinfo", "m") == b"license=GPL\0name=zram\0"
    assert elfcheck.section(data, ".missing", "m") is None


def test_userland_may_be_dynamic_but_not_a_core_dump() -> None:
    program = make.elf(segments=(CODE, (make.PT_INTERP, 4, b"/lib/ld.so\0")))
    assert check(program, Kind.USERLAND).interpreter == "/lib/ld.so"
    with pytest.raises(elfcheck.ElfError, match="ET_CORE"):
        check(make.elf(kind=make.ET_CORE), Kind.USERLAND)


def patched(offset: int, form: str, value: int, data: bytes | None = None) -> bytes:
    changed = bytearray(data or make.module())
    struct.pack_into(form, changed, offset, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not an ELF file"),
        (b"#!/bin/sh", "is not an ELF file"),
        (b"\x7fELF", "header is incomplete"),
        (patched(4, "<B", 1), "of 32 bits, not of 64"),
        (patched(4, "<B", 7), "an unknown number of bits"),
        (patched(5, "<B", 2), "big-endian byte order, not of the little-endian one"),
        (patched(5, "<B", 9), "an unknown byte order"),
        (patched(6, "<B", 9), "version 9"),
        (patched(7, "<B", 9), "another system than Linux"),
        (patched(40, "<Q", 2**63), "section headers lie outside"),
        (patched(58, "<H", 40), "section headers of 40 bytes"),
        (patched(60, "<H", 60000), "60000 section headers"),
        (patched(62, "<H", 60000), "section with the sections' names"),
        (patched(32, "<Q", 2**63, make.elf()), "segment headers lie outside"),
        (patched(54, "<H", 1, make.elf()), "segment headers of 1 bytes"),
        (patched(56, "<H", 0xFFFF, make.elf()), "more segments than the 1170 that a kernel reads: 65535"),
        (patched(56, "<H", 1171, make.elf()), "more segments than the 1170 that a kernel reads: 1171"),
        (patched(64 + 32, "<Q", 2**62, make.elf()), "segment 0 lies outside"),
        (patched(64 + 40, "<Q", 1, make.elf()), "segment 0 that is larger in the file than in memory"),
    ],
)
def test_hostile_headers_are_rejected_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(data, Kind.KERNEL_MODULE)
    assert reason in str(caught.value)


# Offsets in the header: e_shoff, e_shnum, e_shstrndx.
STRIPPED = {
    "no table": patched(60, "<H", 5, make.elf()),
    "section outside": patched(64 + 2 * 56 + 4 + 1 + 17 + 64 + 24, "<Q", 2**62, make.elf(sections=((".text", b"1"),))),
    "no names": patched(62, "<H", 0, make.elf(sections=((".text", b"1"),))),
    "names outside": patched(62, "<H", 999, make.elf(sections=((".text", b"1"),))),
    "odd size of headers": patched(58, "<H", 1, make.elf(sections=((".text", b"1"),))),
}


@pytest.mark.parametrize("data", STRIPPED.values(), ids=STRIPPED.keys())
def test_program_needs_only_valid_segments(data: bytes) -> None:
    assert check(data).type == "ET_EXEC"
    assert check(data, Kind.USERLAND).type == "ET_EXEC"


def test_object_file_needs_valid_sections() -> None:
    with pytest.raises(elfcheck.ElfError, match="section headers lie outside"):
        check(patched(40, "<Q", 2**40), Kind.USERLAND)


def test_unloaded_segment_may_lie_anywhere() -> None:
    data = make.elf(segments=(CODE, STACK, (make.PT_NOTE, 4, b"x")))
    assert check(patched(64 + 2 * 56 + 8, "<Q", 2**62, data)).type == "ET_EXEC"


@pytest.mark.parametrize("architecture", ["aarch64", "riscv", "x86_64"])
def test_debug_file_fits_every_machine(architecture: str) -> None:
    info = check(make.debug_file(architecture), Kind.USERLAND)
    assert (info.machine, info.needed) == ("EM_" + architecture.upper(), ())
    with pytest.raises(elfcheck.ElfError):
        check(make.debug_file(architecture))


def test_bpf_object_fits_every_machine() -> None:
    data = make.elf("bpf", make.ET_REL, (), ((".text", b"1"),), entry=0)
    assert check(data, Kind.USERLAND).machine == "EM_BPF"
    with pytest.raises(elfcheck.ElfError, match="EM_BPF, not EM_X86_64"):
        check(data, Kind.KERNEL_MODULE)
    with pytest.raises(elfcheck.ElfError, match="EM_BPF, not EM_X86_64"):
        check(make.elf("bpf"), Kind.USERLAND)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (foreign_testing.mach_o(0x0100000C), "a Mach-O file of macOS (arm64)"),
        (foreign_testing.pe(0x8664), "a PE file of Windows (x86_64)"),
    ],
)
def test_program_of_another_system_is_named(data: bytes, name: str) -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(data)
    assert str(caught.value) == f"agent: is not an ELF file, but {name}: take a build for Linux"


INTERPRETER = (make.PT_INTERP, 4, b"/lib/ld.so\0")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            make.elf(segments=((make.PT_DYNAMIC, 4, struct.pack("<qQqQ", make.DT_NEEDED, 5, 0, 0)),)),
            "has no string table (DT_STRTAB)",
        ),
        (
            make.elf(segments=(CODE, (make.PT_DYNAMIC, 4, struct.pack("<qQqQ", make.DT_NEEDED, 5, make.DT_STRTAB, 9)))),
            "string table (DT_STRTAB) outside of the loaded segments",
        ),
        (make.dynamic((make.DT_NEEDED, 99), strings=b"\0libc.so.6\0"), "outside of its string table"),
        (make.dynamic((make.DT_NEEDED, 1), strings=b"\0libc.so.6"), "outside of its string table"),
        (make.dynamic(*[(make.DT_NEEDED, 0)] * 5000), "names 5000 libraries and directories, more than 4096"),
        (make.elf(segments=(CODE, (make.PT_INTERP, 4, b"/lib/ld.so"))), "not a path with a final NUL"),
        (make.elf(segments=(CODE, (make.PT_INTERP, 4, b"\0"))), "not a path with a final NUL"),
    ],
)
def test_name_outside_of_its_table_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(data, Kind.USERLAND)
    assert reason in str(caught.value)


def test_first_interpreter_is_used() -> None:
    data = make.elf(segments=(CODE, INTERPRETER, (make.PT_INTERP, 4, b"/other\0")))
    assert check(data, Kind.USERLAND).interpreter == "/lib/ld.so"


def test_huge_number_of_sections_is_rejected_at_once() -> None:
    data = patched(60, "<H", 0)
    table = struct.unpack_from("<Q", data, 40)[0]
    data = patched(table + 32, "<Q", 2**64 - 1, data)
    with pytest.raises(layout.LayoutError, match="section headers lie outside"):
        _ = layout.parse(data).sections


@pytest.mark.parametrize("original", [make.module(), make.elf(), LIBRARY], ids=["mod", "exe", "lib"])
def test_damage_never_crashes_the_check(original: bytes) -> None:
    choice = random.Random(1)
    for length in range(len(original)):
        with pytest.raises(elfcheck.ElfError):
            check(original[:length], Kind.KERNEL_MODULE)
    for _ in range(1000):
        data = bytearray(original)
        for _ in range(choice.randint(1, 4)):
            data[choice.randrange(len(data))] = choice.choice([0, 1, 0x7F, 0x80, 0xFF])
        for kind in Kind:
            try:
                check(bytes(data), kind)
            except errors.InputError as error:
                assert "\n" not in str(error)


def test_program_writes_report_and_copy(tmp_path: pathlib.Path) -> None:
    (tmp_path / "in").write_bytes(make.elf("aarch64"))
    cli_testing.call(
        elfcheck_main.main,
        input=str(tmp_path / "in"),
        architecture="aarch64",
        kind="static_executable",
        report=str(tmp_path / "report"),
        copy=str(tmp_path / "copy"),
    )
    assert (tmp_path / "copy").read_bytes() == make.elf("aarch64")
    report = json.loads((tmp_path / "report").read_text())
    assert report["architecture"] == "aarch64"
    assert report["machine"] == "EM_AARCH64"


def test_program_copies_no_rejected_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "in").write_bytes(make.elf("x86_64"))
    with pytest.raises(elfcheck.ElfError):
        cli_testing.call(
            elfcheck_main.main,
            input=str(tmp_path / "in"),
            architecture="aarch64",
            kind="static_executable",
            copy=str(tmp_path / "copy"),
        )
    assert not (tmp_path / "copy").exists()


NOTE = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", 7)


def test_notes_come_from_segments() -> None:
    data = make.elf(segments=(CODE, (make.PT_NOTE, 4, NOTE + NOTE)), sections=((".note", NOTE),))
    assert elfcheck.notes(data, "k") == [("Xen", 18, b"\7\0\0\0")] * 2
    assert elfcheck.notes(make.elf(), "k") == []


@pytest.mark.parametrize("note", [NOTE[:14], struct.pack("<III4s", 4, 2**31, 18, b"Xen\0"), b"\xff" * 40])
def test_broken_notes_are_rejected_or_short(note: bytes) -> None:
    data = make.elf(segments=((make.PT_NOTE, 4, note),))
    try:
        found = elfcheck.notes(data, "k")
    except elfcheck.ElfError:
        return
    assert all(len(content) <= len(data) for _, _, content in found)


def test_is_loaded_covers_the_loaded_segments() -> None:
    data = make.elf(segments=(CODE, STACK))
    at = 0x400000 + 64 + 2 * 56
    assert elfcheck.is_loaded(data, at, "k") and elfcheck.is_loaded(data, at + 3, "k")
    assert not elfcheck.is_loaded(data, at - 1, "k") and not elfcheck.is_loaded(data, at + 4, "k")


@pytest.mark.parametrize("data", [make.elf(sections=((".a", b"x"),)), make.module()], ids=["program", "module"])
def test_size_excludes_trailing_bytes(data: bytes) -> None:
    assert elfcheck.size(data + b"more", "k") == len(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make.elf(kind=make.ET_DYN), "not a kernel: its type is ET_DYN"),
        (make.elf(segments=(CODE, (make.PT_INTERP, 4, b"/lib/ld.so\0"))), "linked dynamically, with /lib/ld.so"),
        (make.elf(segments=(STACK,)), "nothing to load"),
    ],
)
def test_unsuitable_kernel_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(elfcheck.ElfError) as caught:
        check(data, Kind.KERNEL)
    assert reason in str(caught.value)
