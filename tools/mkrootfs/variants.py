"""Keep the image's machine code of packages that contain it for several systems, and exclude the rest.

npm packages with prebuilt modules and some wheels choose in the guest which of their files to load. The module excludes
files for another machine or C library if the package has others for the image. If it has none, that is an error: the
package would fail in the guest. Files for macOS and Windows are always excluded.
"""

from __future__ import annotations

import dataclasses
import enum
import posixpath
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tools.cli import errors
from tools.elfcheck import elfcheck, foreign
from tools.fsspec.tree import Entry, Kind
from tools.mkrootfs import machine_code
from tools.platforms.architectures import ARCHITECTURES

# Machines that run programs. Code for others, such as eBPF and graphics processors, is data to the guest's machine.
_MACHINES = {
    3: "EM_386",
    8: "EM_MIPS",
    20: "EM_PPC",
    21: "EM_PPC64",
    22: "EM_S390",
    40: "EM_ARM",
    43: "EM_SPARCV9",
    62: "EM_X86_64",
    183: "EM_AARCH64",
    243: "EM_RISCV",
    258: "EM_LOONGARCH",
}
_ABIS = {1: "HP-UX", 2: "NetBSD", 6: "Solaris", 7: "AIX", 9: "FreeBSD", 12: "OpenBSD"}
_MACH_O_64 = b"\xcf\xfa\xed\xfe"
_HEADER = 20
"""Bytes of an ELF header up to the machine."""


class VariantError(errors.InputError):
    """A package with machine code only for other systems."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The kept parts of a package.

    Attributes:
        entries: the kept entries.
        left_out: path of each excluded file, to its description.
    """

    entries: list[Entry]
    left_out: dict[str, str]


class _Fit(enum.Enum):
    NEUTRAL = enum.auto()
    """No machine code, or code for a machine that runs no programs."""
    OWN = enum.auto()
    OTHER_MACHINE = enum.auto()
    """For Linux on another machine, or with another C library."""
    OTHER_SYSTEM = enum.auto()


def choose(entries: Sequence[Entry], architecture: str, package: str) -> Choice:
    """Choose among the files of a package.

    Args:
        entries: the package's entries, except those that the image excludes.
        architecture: the image's architecture.
        package: the package, for errors.

    Raises:
        VariantError: a part of the package has machine code only for other machines, or its program is excluded.
        InputError: a file is damaged.
    """
    left_out: dict[str, str] = {}
    others: dict[str, dict[str, str]] = {}
    with_own: set[str] = set()
    for entry in entries:
        fit, what = _fit(entry, architecture, package)
        if fit is _Fit.OWN:
            with_own.add(_part(entry.path))
        elif fit is _Fit.OTHER_MACHINE:
            others.setdefault(_part(entry.path), {})[entry.path] = what
        elif fit is _Fit.OTHER_SYSTEM:
            left_out[entry.path] = what
    for part, files in others.items():
        if part not in with_own:
            path, what = next(iter(files.items()))
            raise VariantError(
                f"is {what}, but the package has none for {architecture} with glibc",
                where=f"{package}: {path}",
                fix="take a version that has it, or exclude the file",
            )
        left_out |= files
    _check_links(entries, left_out, package)
    return Choice([entry for entry in entries if entry.path not in left_out], left_out)


def _check_links(entries: Iterable[Entry], left_out: Mapping[str, str], package: str) -> None:
    for entry in entries:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.target))
        if entry.kind is Kind.SYMLINK and target in left_out:
            raise VariantError(
                f"is a program, {target}, which is {left_out[target]}",
                where=f"{package}: {entry.path}",
                fix="take a version for Linux, or exclude the program",
            )


def _fit(entry: Entry, architecture: str, package: str) -> tuple[_Fit, str]:
    """Return the system of the machine code in a file, and a description of the file."""
    if entry.content is None:
        return _Fit.NEUTRAL, ""
    with entry.content.open() as stream:
        name = _other_system(stream.read(foreign.START_MAX))
    if name:
        return _Fit.OTHER_SYSTEM, name
    where = f"{package}: {entry.path}"
    fits = [_part_fit(part, architecture) for part in machine_code.find(entry.path, entry.content, where)]
    # The linker ignores a library's members for other machines.
    return max(fits, key=lambda found: found[0].value, default=(_Fit.NEUTRAL, ""))


def _other_system(data: bytes) -> str | None:
    # The recogniser needs a whole header. Only Mach-O files begin with this magic.
    return foreign.recognise(data) or ("a truncated Mach-O file of macOS" if data[:4] == _MACH_O_64 else None)


def _part_fit(part: machine_code.Part, architecture: str) -> tuple[_Fit, str]:
    name = _other_system(part.data)
    if name:
        return _Fit.OTHER_SYSTEM, name
    if not elfcheck.is_elf(part.data) or len(part.data) < _HEADER:
        return _Fit.NEUTRAL, ""
    header = part.data[:_HEADER]
    if header[7] in _ABIS:
        return _Fit.OTHER_SYSTEM, f"an ELF file of {_ABIS[header[7]]}"
    (number,) = struct.unpack_from(">H" if header[5] == 2 else "<H", header, 18)
    machine, wanted = _MACHINES.get(number), ARCHITECTURES[architecture].elf_machine
    if machine is None:
        return _Fit.NEUTRAL, ""
    if machine != wanted:
        return _Fit.OTHER_MACHINE, f"an ELF file of machine {machine}, not {wanted}"
    info = elfcheck.check(part.data, architecture, part.kind, where=part.where)
    library = next(_other_libraries(info), None)
    return (_Fit.OTHER_MACHINE, f"an ELF file for another C library, {library}") if library else (_Fit.OWN, "")


def _other_libraries(info: elfcheck.ElfInfo) -> Iterator[str]:
    """Yield the library names by which a file needs another C library than glibc: musl, or Android's."""
    loader = posixpath.basename(info.interpreter)
    if loader.startswith(("ld-musl-", "linker")):
        yield loader
    yield from (name for name in info.needed if name == "libc.so" or name.startswith("libc.musl-"))


def _part(path: str) -> str:
    """Return the directory of the npm package to which a file belongs, which may be a bundled one, or nothing."""
    above, separator, below = path.rpartition("node_modules/")
    names = below.split("/")
    return above + separator + "/".join(names[: 2 if below.startswith("@") else 1]) if separator else ""
