"""Find machine code in a package's file, and check that it is of the image's architecture.

Machine code is in an ELF file, in the members of an ar archive, in a packed kernel module, or in a file of another
system. Only the first begins with ELF's magic; a check of the first bytes alone would miss the others.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator

from tools.cli import errors
from tools.elfcheck import elfcheck, foreign
from tools.elfcheck.elfcheck import ElfInfo
from tools.extract_kernel import modinfo
from tools.fsspec import content
from tools.fsspec.content import Content
from tools.packages import ar

_THIN_ARCHIVE = b"!<thin>\n"

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
        start = stream.read(len(ar.MAGIC))
    if modinfo.is_module(path):
        unpacked = modinfo.decompress(content.read(source), where)
        yield Part(where, unpacked, elfcheck.Kind.KERNEL_MODULE)
    elif elfcheck.is_elf(start):
        yield Part(where, content.read(source), elfcheck.Kind.USERLAND, is_file=True)
    elif start == _THIN_ARCHIVE:
        raise ArchiveError("is a thin archive: its members lie outside of it", where=where)
    elif start == ar.MAGIC:
        yield from _members(content.read(source), where)


def _members(data: bytes, where: str) -> Iterator[Part]:
    try:
        for member in ar.members(io.BytesIO(data)):
            inside = data[member.offset : member.offset + member.size]
            # BSD's ar keeps long names before the content.
            length = member.name.removeprefix("#1/")
            if length != member.name and length.isdigit():
                inside = inside[int(length) :]
            yield Part(f"{where}({member.name})", inside, elfcheck.Kind.USERLAND)
    except ar.ArError as error:
        raise ArchiveError(str(error), where=where) from None
