"""Find machine code in a package's file, and check that it is of the image's architecture.

Machine code is in an ELF file, in the members of an ar archive, in a packed kernel module, or in a file of another
system. Only the first begins with ELF's magic; a check of the first bytes alone would miss the others.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from tools.cli import errors
from tools.elfcheck import elfcheck, foreign
from tools.elfcheck.elfcheck import ElfInfo
from tools.extract_kernel import modinfo
from tools.fsspec import content
from tools.fsspec.content import Content

_ARCHIVE = b"!<arch>\n"
_THIN_ARCHIVE = b"!<thin>\n"
_HEADER = 60
_HEADER_END = b"`\n"

# Code that no processor of the guest runs, so that any architecture is valid: firmware of devices; code that a kernel
# maps into programs, also of 32 bits; files for debuggers.
_DATA = ("usr/lib/debug/", "usr/lib/firmware/")
_VDSO = re.compile(r"usr/lib/modules/[^/]+/vdso/.*", re.DOTALL)

_ALLOW = "exclude it, or allow it (`allow_foreign_code`)"


class ArchiveError(errors.InputError):
    """An ar archive that is damaged, or whose members are in other files."""


class MachineCodeError(errors.InputError):
    """Machine code that the guest cannot run."""


@dataclasses.dataclass(frozen=True)
class Part:
    """An ELF file, or a member of an archive, in a file.

    Attributes:
        where: its name in errors.
        data: its bytes.
        kind: its use.
        is_file: whether it is the whole, unchanged file.
    """

    where: str
    data: bytes
    kind: elfcheck.Kind
    is_file: bool = False


def check(path: str, source: Content, where: str, architecture: str, *, independent: bool) -> ElfInfo | None:
    """Check a file of a package.

    Args:
        path: its path in the image.
        source: its content.
        where: its name in errors.
        architecture: the image's architecture.
        independent: whether the package declares itself to be for every architecture.

    Returns:
        Its properties, if it is an ELF file.

    Raises:
        InputError: it is code for another machine or system, or damaged.
    """
    if path.startswith(_DATA) or _VDSO.fullmatch(path):
        return None
    with source.open() as stream:
        start = stream.read(foreign.START_MAX)
    _refuse_foreign(start, where, architecture)
    info = None
    for part in find(path, source, where):
        _refuse_foreign(part.data, part.where, architecture)
        if part.kind is elfcheck.Kind.USERLAND and not elfcheck.is_elf(part.data):
            continue
        try:
            found = elfcheck.check(part.data, architecture, part.kind, where=part.where)
        except elfcheck.ElfError as error:
            raise MachineCodeError(error.what, where=part.where, fix=_ALLOW) from None
        if independent and found.machine != elfcheck.BPF:
            raise MachineCodeError("is an ELF file in a package of every architecture", where=part.where, fix=_ALLOW)
        # Neither a library that is linked into others nor a module needs anything at run time.
        info = found if part.is_file else None
    return info


def _refuse_foreign(data: bytes, where: str, architecture: str) -> None:
    name = foreign.recognise(data)
    if name and not foreign.is_uefi(data, architecture):
        raise MachineCodeError(f"is {name}, which no guest can run", where=where, fix=_ALLOW)


def find(path: str, source: Content, where: str) -> Iterator[Part]:
    """Find the ELF files in a file, and the members of an archive.

    Args:
        path: its path in the image, by which kernel modules are recognised.
        source: its content.
        where: its name in errors.

    Raises:
        ArchiveError: an ar archive is damaged.
        CompressionError: a kernel module cannot be unpacked.
    """
    with source.open() as stream:
        start = stream.read(len(_ARCHIVE))
    if modinfo.is_module(path):
        unpacked = modinfo.decompress(content.read(source), where)
        yield Part(where, unpacked, elfcheck.Kind.KERNEL_MODULE)
    elif elfcheck.is_elf(start):
        yield Part(where, content.read(source), elfcheck.Kind.USERLAND, is_file=True)
    elif start == _THIN_ARCHIVE:
        raise ArchiveError("is a thin archive: its members lie outside of it", where=where)
    elif start == _ARCHIVE:
        yield from _members(content.read(source), where)


def _members(data: bytes, where: str) -> Iterator[Part]:
    at = len(_ARCHIVE)
    while at < len(data):
        header = data[at : at + _HEADER]
        size = header[48:58].strip()
        if len(header) != _HEADER or header[58:] != _HEADER_END or not size.isdigit():
            raise ArchiveError("is a damaged ar archive: it has a bad header", where=where)
        at += _HEADER
        end = at + int(size)
        name = header[:16].decode("ascii", "replace").strip()
        if end > len(data):
            raise ArchiveError(f"is a truncated ar archive: its member {name} is incomplete", where=where)
        member = data[at:end]
        # BSD's ar keeps long names before the content.
        length = name.removeprefix("#1/")
        if length != name and length.isdigit():
            member = member[int(length) :]
        yield Part(f"{where}({name.removesuffix('/')})", member, elfcheck.Kind.USERLAND)
        # Members begin at even offsets.
        at = end + end % 2
