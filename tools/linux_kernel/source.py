"""Extract the part of the kernel's source that guests need from Debian's source package."""

from __future__ import annotations

import dataclasses
import lzma
import pathlib
import re
import tarfile
from collections.abc import Collection, Iterator
from typing import IO

import zstandard

from tools.cli import errors
from tools.packages import deb

_ARCHIVE = re.compile(r"usr/src/linux-source-[0-9.]+\.tar\.xz", re.ASCII)
# Kconfig and make read these files of the whole tree, of all architectures.
_ALWAYS = re.compile(r"(?:Kconfig|Makefile|Kbuild)[^/]*", re.ASCII)
_ZSTD_LEVEL = 12


class SourceError(errors.InputError):
    """Report a package without the kernel's source, or a selection of missing directories."""


@dataclasses.dataclass(frozen=True)
class Selection:
    """Selection of files: the longest named directory above a file decides on the file.

    Attributes:
        exclude: directories to exclude, except their Kconfig and make files.
        include: directories below excluded ones to keep.
    """

    exclude: Collection[str]
    include: Collection[str]

    def takes(self, path: str) -> bool:
        """Return whether the selection includes a file."""
        parts = path.split("/")
        if _ALWAYS.fullmatch(parts[-1]):
            return True
        for length in range(len(parts) - 1, 0, -1):
            directory = "/".join(parts[:length])
            if directory in self.exclude:
                return False
            if directory in self.include:
                return True
        return True


def prune(package: deb.Deb, selection: Selection, work: pathlib.Path, output: IO[bytes]) -> None:
    """Write the selected part of a package's source as tar.zst, without its top directory.

    Args:
        package: Debian's `linux-source-*`.
        selection: files to write.
        work: directory for the unpacked package.
        output: stream to write to.

    Raises:
        SourceError: the package has no source, or the source lacks a directory of the selection.
        PackageError: the package is damaged.
    """
    entries = deb.unpack(package, str(work / "data.tar"))
    found = [entry for entry in entries if _ARCHIVE.fullmatch(entry.path) and entry.content]
    if len(found) != 1 or found[0].content is None:
        raise SourceError(
            f"has {len(found)} archives of the kernel's source, not one",
            where=package.path,
            fix="use the package linux-source-VERSION",
        )
    unused = {*selection.exclude, *selection.include}
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True, threads=0)
    try:
        with (
            found[0].content.open() as raw,
            lzma.open(raw) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as tar,
            compressor.stream_writer(output, closefd=False) as packed,
            # GNU format stores names as bytes, as in all archives of the build.
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as pruned,
        ):
            for member in _members(tar):
                unused -= {member.name} if member.isdir() else set()
                if not member.isdir() and selection.takes(member.name):
                    pruned.addfile(member, tar.extractfile(member) if member.isreg() else None)
    except (lzma.LZMAError, tarfile.TarError, EOFError) as error:
        raise SourceError(f"its source is damaged: {error}", where=package.path) from None
    if unused:
        raise SourceError(
            "is not in the kernel's source",
            where=sorted(unused)[0],
            fix="correct `exclude` and `include` of the linux_source",
        )


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the entries of the source, named from its top directory, with normalised attributes."""
    for member in tar:
        _, _, name = member.name.partition("/")
        if not name:
            continue
        if not (member.isreg() or member.isdir() or member.issym()):
            raise SourceError(f"has {member.name}, which is not a file, directory or symbolic link", where="source")
        member.name = name
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        # All files of the source have the time of the package.
        member.mtime = int(member.mtime)
        member.pax_headers = {}
        yield member
