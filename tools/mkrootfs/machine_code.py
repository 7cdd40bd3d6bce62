"""Finds machine code in a package's file: an ELF file, the members of an ar archive, a packed kernel module.

Only the first is of the kind that begins with ELF's magic; the others would carry another architecture's
code past a check that looks at the file's first bytes alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tools.cli import errors
from tools.elfcheck import elfcheck
from tools.extract_kernel import modinfo
from tools.fsspec import content
from tools.fsspec.content import Content

_ARCHIVE = b"!<arch>\n"
_THIN_ARCHIVE = b"!<thin>\n"
_HEADER = 60
_HEADER_END = b"`\n"


class ArchiveError(errors.InputError):
    """An ar archive that is damaged, or whose members are elsewhere."""


@dataclasses.dataclass(frozen=True)
class Part:
    """An ELF file in a file.

    Attributes:
        where: its name in errors.
        data: its bytes.
        kind: what it is used as.
        is_file: whether it is the whole file, as it is.
    """

    where: str
    data: bytes
    kind: elfcheck.Kind
    is_file: bool = False


def find(path: str, source: Content, where: str) -> Iterator[Part]:
    """Finds the ELF files in a file.

    Args:
        path: its path in the image; kernel modules are known by it.
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
        if elfcheck.is_elf(member):
            yield Part(f"{where}({name.removesuffix('/')})", member, elfcheck.Kind.USERLAND)
        # Members begin at even offsets.
        at = end + end % 2
