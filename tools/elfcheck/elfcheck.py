"""Checks ELF files: the right architecture, and only what its kind may have.

The files are input from elsewhere, so nothing in them is believed: before pyelftools sees a file, its
header's tables and every segment and section have been found to lie inside the file (layout.py).
"""

# pyelftools makes many of its attributes at run time and declares no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import contextlib
import dataclasses
import enum
import io
from collections.abc import Generator

from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment, NoteSegment

from tools.cli import errors
from tools.elfcheck import layout
from tools.elfcheck.architectures import ARCHITECTURES

_EXECUTE, _WRITE = 1, 2
_DF_TEXTREL = 4
# Dynamic tags that name a text: pyelftools gives it as an attribute of this name.
_TEXTS = {
    "DT_NEEDED": "needed",
    "DT_RPATH": "rpath",
    "DT_RUNPATH": "runpath",
    "DT_SONAME": "soname",
}
_OS_ABIS = {"ELFOSABI_SYSV", "ELFOSABI_LINUX"}


class ElfError(errors.InputError):
    """A file that is no ELF file, or not one of the kind wanted."""


class Kind(enum.StrEnum):
    """What a file is used as."""

    STATIC_EXECUTABLE = "static_executable"
    """Runs alone: no interpreter, no libraries, nothing both writable and executable."""
    USERLAND = "userland"
    """Program, library or object file of a distribution."""
    KERNEL_MODULE = "kernel_module"
    """Relocatable object with the section that describes a module."""
    KERNEL = "kernel"
    """A kernel itself, to be loaded at the physical addresses that it says."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a checked file says of itself.

    Attributes:
        machine: as pyelftools names it, such as EM_AARCH64.
        type: as pyelftools names it, such as ET_EXEC.
        interpreter: path of the dynamic loader that it asks for, or the empty string.
        needed: names of the libraries that it asks for.
        soname: name under which libraries ask for it, or the empty string.
        search: folders that it has libraries searched in, as written (DT_RUNPATH, DT_RPATH).
    """

    machine: str
    type: str
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    soname: str = ""
    search: tuple[str, ...] = ()


def is_elf(data: bytes) -> bool:
    """Whether bytes begin an ELF file; its first four are enough."""
    return data[:4] == layout.MAGIC


def check(data: bytes, architecture: str, kind: Kind, where: str) -> Facts:
    """Checks a whole file.

    Args:
        data: its bytes.
        architecture: `aarch64` or `x86_64`.
        kind: what it is used as.
        where: its name in errors.

    Returns:
        What it says of itself.

    Raises:
        ElfError: it is not what it must be; the message has the reason.
    """
    with _parsed(data, where) as elf:
        facts = _facts(elf)
        reason = _wrong_machine(elf, architecture) or _CHECKS[kind](elf, facts)
    if reason:
        raise ElfError(reason, where=where, fix=f"build it for {architecture} as {_WANTED[kind]}")
    return facts


def section(data: bytes, name: str, where: str) -> bytes | None:
    """Returns the bytes of a file's section, or None if it has none of that name.

    Raises:
        ElfError: the file is malformed.
    """
    with _parsed(data, where) as elf:
        found = elf.get_section_by_name(name)
        return found.data() if found else None


def notes(data: bytes, where: str) -> list[tuple[str, int, bytes]]:
    """Returns the notes of a file's segments: name, type and content of each.

    Raises:
        ElfError: the file is malformed.
    """
    result: list[tuple[str, int, bytes]] = []
    with _parsed(data, where) as elf:
        for segment in elf.iter_segments():
            if isinstance(segment, NoteSegment):
                for note in segment.iter_notes():
                    # Types that the parser has a name for are others than those that are asked for here.
                    number = note["n_type"] if isinstance(note["n_type"], int) else -1
                    result.append((note["n_name"], number, note["n_descdata"]))
    return result


def is_loaded(data: bytes, address: int, where: str) -> bool:
    """Whether a physical address lies in what is loaded of a file.

    Raises:
        ElfError: the file is malformed.
    """
    with _parsed(data, where) as elf:
        return any(
            segment["p_type"] == "PT_LOAD" and 0 <= address - segment["p_paddr"] < segment["p_filesz"]
            for segment in elf.iter_segments()
        )


def size(data: bytes, where: str) -> int:
    """Returns where a file ends by its own account: behind its last header, segment or section.

    Raises:
        ElfError: the file is malformed.
    """
    with _parsed(data, where):
        return layout.end(data)


@contextlib.contextmanager
def _parsed(data: bytes, where: str) -> Generator[ELFFile]:
    problem = layout.problem(data)
    if problem:
        raise ElfError(problem, where=where)
    try:
        yield ELFFile(io.BytesIO(data))
    # The parser raises what its parts raise: every such error means that the file is malformed.
    except Exception as error:
        detail = str(error) or type(error).__name__
        raise ElfError(f"is a malformed ELF file: {detail}", where=where) from error


def _facts(elf: ELFFile) -> Facts:
    interpreter = ""
    texts: dict[str, list[str]] = {attribute: [] for attribute in _TEXTS.values()}
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            interpreter = segment.get_interp_name()
        elif isinstance(segment, DynamicSegment):
            for tag in segment.iter_tags():
                attribute = _TEXTS.get(str(tag.entry.d_tag))
                if attribute:
                    texts[attribute].append(str(getattr(tag, attribute)))
    searched = texts["runpath"] + texts["rpath"]
    return Facts(
        machine=str(elf["e_machine"]),
        type=str(elf["e_type"]),
        interpreter=interpreter,
        needed=tuple(texts["needed"]),
        soname="".join(texts["soname"][:1]),
        search=tuple(":".join(searched).split(":")) if searched else (),
    )


def _wrong_machine(elf: ELFFile, architecture: str) -> str:
    wanted = ARCHITECTURES[architecture].machine
    if elf["e_machine"] != wanted:
        return f"is of machine {elf['e_machine']}, not {wanted} ({architecture})"
    if elf["e_ident"]["EI_OSABI"] not in _OS_ABIS:
        return f"is for another system than Linux: {elf['e_ident']['EI_OSABI']}"
    return ""


def _static_executable(elf: ELFFile, facts: Facts) -> str:
    if facts.type not in ("ET_EXEC", "ET_DYN"):
        return f"is no executable: its type is {facts.type}"
    if facts.interpreter:
        return f"is linked dynamically: it asks for the interpreter {facts.interpreter}"
    if facts.needed:
        return f"is linked dynamically: it asks for {facts.needed[0]}"
    if facts.soname or not elf["e_entry"]:
        return "is a shared library, not an executable: it has no entry point of its own"
    stack = None
    loaded = False
    for segment in elf.iter_segments():
        flags = segment["p_flags"]
        if segment["p_type"] == "PT_GNU_STACK":
            stack = flags
        elif segment["p_type"] == "PT_LOAD":
            loaded = True
            if flags & _WRITE and flags & _EXECUTE:
                return f"has a segment both writable and executable, at {segment['p_vaddr']:#x}"
        if isinstance(segment, DynamicSegment) and _has_text_relocations(segment):
            return "has text relocations: its code would be made writable to load it"
    if not loaded:
        return "has nothing to load"
    if stack is None:
        return "does not say that its stack is not executable (no PT_GNU_STACK)"
    if stack & _EXECUTE:
        return "has an executable stack"
    return ""


def _has_text_relocations(segment: DynamicSegment) -> bool:
    for tag in segment.iter_tags():
        if tag.entry.d_tag == "DT_TEXTREL":
            return True
        if tag.entry.d_tag == "DT_FLAGS" and tag.entry.d_val & _DF_TEXTREL:
            return True
    return False


def _userland(elf: ELFFile, facts: Facts) -> str:
    if facts.type not in ("ET_EXEC", "ET_DYN", "ET_REL"):
        return f"is no program, library or object file: its type is {facts.type}"
    return ""


def _kernel_module(elf: ELFFile, facts: Facts) -> str:
    if facts.type != "ET_REL":
        return f"is no kernel module: its type is {facts.type}"
    if elf.get_section_by_name(".modinfo") is None:
        return "is no kernel module: it has no section .modinfo"
    return ""


def _kernel(elf: ELFFile, facts: Facts) -> str:
    if facts.type != "ET_EXEC" or facts.interpreter or facts.needed:
        return f"is no kernel: its type is {facts.type}, or it is linked dynamically"
    if not any(segment["p_type"] == "PT_LOAD" for segment in elf.iter_segments()):
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
