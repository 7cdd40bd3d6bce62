"""Check ELF files: the right architecture, and only what its kind allows.

Input files are untrusted: layout.py checks that all headers, segments and sections lie inside the file. The segments
decide about a loaded file, as in a kernel, and the sections about any other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import struct
from collections.abc import Generator, Mapping
from typing import cast

from elftools.elf import enums

from tools.cli import errors
from tools.elfcheck import dynamic, foreign, layout
from tools.elfcheck.layout import Elf
from tools.platforms.architectures import ARCHITECTURES

_EXECUTE, _WRITE = 1, 2
_NOTE = struct.Struct("<III")


def _names(table: object) -> dict[int, str]:
    return {number: name for name, number in cast(Mapping[str, int], table).items() if name != "_default_"}


_MACHINES = _names(enums.ENUM_E_MACHINE)
_TYPES = _names(enums.ENUM_E_TYPE)
_OS_ABIS = _names(enums.ENUM_EI_OSABI)
BPF = "EM_BPF"
"""Machine of programs that run in the kernel."""


class ElfError(errors.InputError):
    """A file that is not an ELF file, or not one of the wanted kind."""


class Kind(enum.StrEnum):
    """The use of a file."""

    STATIC_EXECUTABLE = "static_executable"
    """Static program: no interpreter, no libraries, no segment both writable and executable."""
    USERLAND = "userland"
    """Program, library or object file of a distribution."""
    KERNEL_MODULE = "kernel_module"
    """Relocatable object with the section that describes a module."""
    KERNEL = "kernel"
    """A kernel, loaded at its physical addresses."""


@dataclasses.dataclass(frozen=True)
class ElfInfo:
    """The properties of a checked file.

    Attributes:
        machine: in the spelling of pyelftools, such as EM_AARCH64.
        type: in the spelling of pyelftools, such as ET_EXEC.
        interpreter: path of its dynamic loader, or the empty string.
        needed: names of the libraries that it needs.
        soname: name under which other files need it, or the empty string.
        search: directories in which to search libraries, as written (DT_RUNPATH, DT_RPATH).
    """

    machine: str
    type: str
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    soname: str = ""
    search: tuple[str, ...] = ()


def is_elf(data: bytes) -> bool:
    """Return whether bytes begin an ELF file. The first four are enough."""
    return data[:4] == layout.MAGIC


def check(data: bytes, architecture: str, kind: Kind, where: str) -> ElfInfo:
    """Check a whole file.

    Args:
        data: its bytes.
        architecture: `aarch64` or `x86_64`.
        kind: its use.
        where: its name in errors.

    Returns:
        Its properties.

    Raises:
        ElfError: the file does not meet the requirements; the message has the reason.
    """
    with _parsed(data, where) as elf:
        if kind is Kind.USERLAND and _runs_elsewhere(elf):
            return ElfInfo(_machine(elf), _type(elf))
        reason = _wrong_machine(elf, architecture)
        info = ElfInfo(_machine(elf), _type(elf))
        if not reason:
            layout.check_segments(elf)
            info = _info(elf)
            reason = _CHECKS[kind](elf, info)
    if reason:
        raise ElfError(reason, where=where, fix=f"build it for {architecture} as {_WANTED[kind]}")
    return info


def section(data: bytes, name: str, where: str) -> bytes | None:
    """Return the bytes of a file's section, or None if there is no section of that name.

    Raises:
        ElfError: the file is malformed.
    """
    with _parsed(data, where) as elf:
        for found in elf.sections:
            if found.name == name.encode():
                return b"" if found.type == layout.SHT_NOBITS else data[found.offset : found.offset + found.size]
    return None


def notes(data: bytes, where: str) -> list[tuple[str, int, bytes]]:
    """Return the notes of a file's segments: name, type and content of each.

    Raises:
        ElfError: the file is malformed.
    """
    result: list[tuple[str, int, bytes]] = []
    with _parsed(data, where) as elf:
        for segment in elf.segments:
            if segment.type == layout.PT_NOTE:
                result += _notes(data[segment.offset : segment.offset + segment.file_size])
    return result


def _notes(data: bytes) -> Generator[tuple[str, int, bytes]]:
    at = 0
    while at + _NOTE.size <= len(data):
        name_size, size, number = _NOTE.unpack_from(data, at)
        name = at + _NOTE.size
        content = name + -(-name_size // 4) * 4
        if content + size > len(data):
            raise layout.LayoutError("has a note that lies outside of its segment")
        yield (
            data[name : name + name_size].rstrip(b"\0").decode("utf-8", "replace"),
            number,
            data[content : content + size],
        )
        at = content + -(-size // 4) * 4


def is_loaded(data: bytes, address: int, where: str) -> bool:
    """Return whether a physical address lies in a loaded segment of a file.

    Raises:
        ElfError: the file is malformed.
    """
    with _parsed(data, where) as elf:
        return any(
            segment.type == layout.PT_LOAD and 0 <= address - segment.physical < segment.file_size
            for segment in elf.segments
        )


def size(data: bytes, where: str) -> int:
    """Return the end of a file according to its headers: behind its last header, segment or section.

    Raises:
        ElfError: the file is malformed.
    """
    with _parsed(data, where) as elf:
        layout.check_segments(elf)
        return elf.end


@contextlib.contextmanager
def _parsed(data: bytes, where: str) -> Generator[Elf]:
    name = foreign.recognise(data)
    if name:
        raise ElfError(f"is not an ELF file, but {name}", where=where, fix="take a build for Linux")
    try:
        yield layout.parse(data)
    except layout.LayoutError as error:
        raise ElfError(str(error), where=where) from None


def _machine(elf: Elf) -> str:
    return _MACHINES.get(elf.machine, str(elf.machine))


def _type(elf: Elf) -> str:
    return _TYPES.get(elf.type, str(elf.type))


def _info(elf: Elf) -> ElfInfo:
    asked = dynamic.read(elf)
    return ElfInfo(_machine(elf), _type(elf), asked.interpreter, asked.needed, asked.soname, asked.search)


def _runs_elsewhere(elf: Elf) -> bool:
    """Return whether a file of a distribution fits every machine.

    BPF programs run in the kernel. Debuggers read debug files: their loaded sections are empty, and their segments
    describe another file (objcopy --only-keep-debug).
    """
    if elf.type == layout.ET_REL and _machine(elf) == BPF:
        return True
    try:
        sections = elf.sections
    except layout.LayoutError:
        return False
    loaded = [section for section in sections if section.flags & layout.SHF_ALLOC and section.size]
    return all(section.type in (layout.SHT_NOBITS, layout.SHT_NOTE) for section in loaded) and any(
        section.type == layout.SHT_PROGBITS and section.name.startswith((b".debug_", b".gnu_debug", b".zdebug_"))
        for section in sections
    )


def _wrong_machine(elf: Elf, architecture: str) -> str:
    wanted = ARCHITECTURES[architecture].elf_machine
    if _machine(elf) != wanted:
        return f"is of machine {_machine(elf)}, not {wanted} ({architecture})"
    os_abi = _OS_ABIS.get(elf.os_abi, str(elf.os_abi))
    if os_abi not in ("ELFOSABI_SYSV", "ELFOSABI_LINUX"):
        return f"is for another system than Linux: {os_abi}"
    return ""


def _static_executable(elf: Elf, info: ElfInfo) -> str:
    if elf.type not in (layout.ET_EXEC, layout.ET_DYN):
        return f"is not an executable: its type is {info.type}"
    if info.interpreter:
        return f"is linked dynamically: it needs the interpreter {info.interpreter}"
    if info.needed:
        return f"is linked dynamically: it needs {info.needed[0]}"
    if info.soname or not elf.entry:
        return "is a shared library, not an executable: it has no entry point"
    stack = None
    loaded = False
    for segment in elf.segments:
        if segment.type == layout.PT_GNU_STACK:
            stack = segment.flags
        elif segment.type == layout.PT_LOAD:
            loaded = True
            if segment.flags & _WRITE and segment.flags & _EXECUTE:
                return f"has a segment both writable and executable, at {segment.address:#x}"
    if dynamic.read(elf).text_relocations:
        return "has text relocations: the loader would have to make its code writable"
    if not loaded:
        return "has nothing to load"
    if stack is None:
        return "does not declare a stack that is not executable (no PT_GNU_STACK)"
    if stack & _EXECUTE:
        return "has an executable stack"
    return ""


def _userland(elf: Elf, info: ElfInfo) -> str:
    if elf.type not in (layout.ET_EXEC, layout.ET_DYN, layout.ET_REL):
        return f"is not a program, library or object file: its type is {info.type}"
    if elf.type == layout.ET_REL:
        # A linker reads its sections, which a kernel does not. Reading them is the check.
        _ = elf.sections
    return ""


def _kernel_module(elf: Elf, info: ElfInfo) -> str:
    if elf.type != layout.ET_REL:
        return f"is not a kernel module: its type is {info.type}"
    if all(section.name != b".modinfo" for section in elf.sections):
        return "is not a kernel module: it has no section .modinfo"
    return ""


def _kernel(elf: Elf, info: ElfInfo) -> str:
    if elf.type != layout.ET_EXEC:
        return f"is not a kernel: its type is {info.type}"
    if info.interpreter or info.needed:
        return f"is not a kernel: it is linked dynamically, with {info.interpreter or info.needed[0]}"
    if all(segment.type != layout.PT_LOAD for segment in elf.segments):
        return "has nothing to load"
    return ""


_CHECKS = {
    Kind.STATIC_EXECUTABLE: _static_executable,
    Kind.USERLAND: _userland,
    Kind.KERNEL_MODULE: _kernel_module,
    Kind.KERNEL: _kernel,
}
_WANTED = {
    Kind.STATIC_EXECUTABLE: "a static executable",
    Kind.USERLAND: "a Linux program or library",
    Kind.KERNEL_MODULE: "a kernel module",
    Kind.KERNEL: "a kernel",
}
