"""Unpack the data of a package into one uncompressed tar file, and read its members in place."""

from __future__ import annotations

import contextlib
import os
import tarfile
from collections.abc import Collection, Generator, Iterator
from typing import IO

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.content import Region
from tools.fsspec.tree import Entry, Kind
from tools.packages import streams

UNPACKED_MAX = 8 * 2**30
"""Most bytes of one package's unpacked data: a limit against decompression bombs."""

_TAR_BLOCK = 512
_BLOCK = 2**20
_UPDATE = "download the package again, or update the lock"
_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.CHRTYPE: Kind.CHAR,
    tarfile.BLKTYPE: Kind.BLOCK,
    tarfile.FIFOTYPE: Kind.FIFO,
}


class PackageError(errors.InputError):
    """A file that is not a package of its format, or a damaged one."""

    def __init__(self, what: str, *, where: str = "", fix: str = _UPDATE) -> None:
        super().__init__(what, where=where, fix=fix)


@contextlib.contextmanager
def decompressed(raw: IO[bytes], suffix: str, where: str) -> Generator[IO[bytes]]:
    """Open a compressed stream for `read`.

    Args:
        raw: the compressed bytes.
        suffix: suffix of the compression's files, such as `xz`; `tar` for no compression.
        where: the package, for errors.

    Raises:
        PackageError: the compression is unknown.
    """
    if suffix == "tar":
        yield raw
        return
    stream = streams.reader(raw, suffix)
    if stream is None:
        raise PackageError(f"has a member .{suffix} of an unknown compression", where=where)
    yield stream


def read(stream: IO[bytes], size: int, where: str) -> bytes:
    """Read from a stream of `decompressed`.

    Raises:
        PackageError: the compressed data is damaged or truncated.
    """
    try:
        return stream.read(size)
    except streams.ERRORS as error:
        raise PackageError(f"cannot be decompressed: {error}", where=where) from None


def save(stream: IO[bytes], tar_path: str, where: str) -> None:
    """Write a stream of `decompressed` to a file.

    Raises:
        PackageError: the compressed data is damaged, truncated, or larger than UNPACKED_MAX.
    """
    with open(tar_path, "wb") as target:
        left = UNPACKED_MAX
        while data := read(stream, _BLOCK, where):
            left -= len(data)
            if left < 0:
                raise PackageError(f"has more than {UNPACKED_MAX} bytes of data", where=where)
            target.write(data)


def members(tar: tarfile.TarFile, where: str) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive.

    Raises:
        PackageError: a member has a negative size.
    """
    for member in tar:
        if member.size < 0:
            # tarfile would return it again and again.
            raise PackageError(f"has a member {member.name!r} with a negative size", where=where)
        yield member


def entries(tar_path: str, where: str, origin: str, headers: Collection[str] = ()) -> list[Entry]:
    """Read the members of an uncompressed tar archive.

    Args:
        tar_path: the archive; the entries' content stays there.
        where: the package, for errors.
        origin: the package's name, for the entries.
        headers: names of the format's pax headers that can be ignored.

    Returns:
        The entries in the archive's order, without the root, as in the package.

    Raises:
        PackageError, PathError, TreeError: the archive is damaged or contains something that no image may contain.
    """
    if not os.stat(tar_path).st_size:
        return []
    try:
        with tarfile.open(tar_path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
            found = [
                _entry(member, tar_path, where, origin, headers)
                for member in members(tar, where)
                if not _is_root(member.name)
            ]
            _check_end(tar_path, tar.offset, where)
            return found
    except (tarfile.TarError, ValueError) as error:
        raise PackageError(f"its data archive is damaged or truncated: {error}", where=where) from None


def _is_root(name: str) -> bool:
    return all(part in ("", ".") for part in name.split("/"))


def _check_end(tar_path: str, offset: int, where: str) -> None:
    """Check that an archive ends where the parser stopped: it mistakes a damaged header for the end.

    The final blocks of zeros may be missing: dpkg does not require them.
    """
    with open(tar_path, "rb") as archive:
        archive.seek(offset)
        block = archive.read(_TAR_BLOCK)
    if block and block != bytes(_TAR_BLOCK):
        damage = "damaged" if len(block) == _TAR_BLOCK else "truncated"
        raise PackageError(f"its data archive is {damage}: it has a bad header at byte {offset}", where=where)


def _entry(member: tarfile.TarInfo, tar_path: str, where: str, origin: str, headers: Collection[str]) -> Entry:
    kind = _KINDS.get(member.type)
    if kind is None or not member.pax_headers.keys() <= set(headers):
        # Extended attributes and sparse files would be among the headers.
        raise PackageError(f"has a member {member.name!r} of an unknown type", where=where)
    device = kind in (Kind.CHAR, Kind.BLOCK)
    target = ""
    if kind is Kind.SYMLINK:
        target = member.linkname
    elif kind is Kind.HARDLINK:
        target = paths.normalise(member.linkname, origin)
    return Entry(
        path=paths.normalise(member.name, origin),
        kind=kind,
        mode=0o777 if kind is Kind.SYMLINK else member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        content=Region(tar_path, member.offset_data, member.size) if kind is Kind.FILE else None,
        target=target,
        device=(member.devmajor, member.devminor) if device else (0, 0),
        origin=origin,
    )
