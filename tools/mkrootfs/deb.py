"""Reads Debian packages (deb(5)) in this process, and runs nothing of theirs.

A `.deb` is an ar archive of three members: the format's version, the control archive and the data
archive. The data archive is unpacked into one uncompressed tar file, whose members are then read in
place.
"""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import io
import lzma
import os
import pathlib
import re
import tarfile
from collections.abc import Generator, Mapping
from typing import IO, cast

import zstandard

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.content import Region
from tools.fsspec.tree import Entry, Kind

UNPACKED_MAX = 8 * 2**30
"""Most bytes that one package's data may have unpacked: a bound against decompression bombs."""

_CONTROL_MAX = 64 * 2**20
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_TAR_END = 1024
_RENEW = "get the package again, or renew the lock"
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)", re.ASCII)
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


class DebError(errors.InputError):
    """A file that is no Debian package, or a damaged one."""

    def __init__(self, what: str, *, where: str = "", fix: str = _RENEW) -> None:
        super().__init__(what, where=where, fix=fix)


@dataclasses.dataclass(frozen=True)
class Deb:
    """A package.

    Attributes:
        path: its file.
        name: field Package.
        version: field Version.
        architecture: field Architecture, in Debian's spelling.
        control: text of the whole control stanza, with a final newline.
        members: the ar archive's members by name.
    """

    path: str
    name: str
    version: str
    architecture: str
    control: str
    members: Mapping[str, Region]

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.architecture})"


def read(path: str) -> Deb:
    """Reads a package's members and its control stanza.

    Raises:
        DebError: it is no package of format 2, or damaged.
    """
    members = _ar_members(path)
    version = members.get("debian-binary")
    if version is None or not _bytes(version).startswith(b"2."):
        raise DebError("is no Debian package of format 2", where=path)
    control = _control(path, members)
    fields = _fields(control, path)
    missing = [key for key in ("Package", "Version", "Architecture") if not fields.get(key)]
    if missing:
        raise DebError(f"its control file has no field {missing[0]}", where=path)
    if not _NAME.fullmatch(fields["Package"]):
        raise DebError(f"its control file has a bad package name {fields['Package']!r}", where=path)
    return Deb(
        path=path,
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        control=control.rstrip("\n") + "\n",
        members=members,
    )


def unpack(deb: Deb, tar_path: str) -> list[Entry]:
    """Unpacks a package's data archive.

    Args:
        deb: the package.
        tar_path: where to write the uncompressed archive; the entries' content stays there.

    Returns:
        The entries in the archive's order, the root left out, as the package has them.

    Raises:
        DebError, PathError, TreeError: the package is damaged or has what no image may have.
    """
    with _member(deb.path, deb.members, "data") as source, open(tar_path, "wb") as target:
        left = UNPACKED_MAX
        while data := _read(source, 2**20, deb.path):
            left -= len(data)
            if left < 0:
                raise DebError(f"has more than {UNPACKED_MAX} bytes of data", where=deb.path)
            target.write(data)
    with open(tar_path, "rb") as stream:
        # tarfile takes the end of a file for the end of an archive. Whole ones end in two blocks of 0.
        stream.seek(-min(_TAR_END, os.stat(tar_path).st_size), os.SEEK_END)
        if stream.read() != bytes(_TAR_END):
            raise DebError("its data archive is truncated", where=deb.path)
    try:
        with tarfile.open(tar_path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
            return [_entry(member, tar_path, deb) for member in tar if member.name not in (".", "./", "", "/")]
    except (tarfile.TarError, ValueError) as error:
        raise DebError(f"its data archive is damaged: {error}", where=deb.path) from None


def _ar_members(path: str) -> dict[str, Region]:
    size = pathlib.Path(path).stat().st_size
    members: dict[str, Region] = {}
    with open(path, "rb") as stream:
        if stream.read(len(_AR_MAGIC)) != _AR_MAGIC:
            raise DebError("is no Debian package: it is no ar archive", where=path)
        while header := stream.read(_AR_HEADER):
            length = header[48:58].strip()
            if len(header) != _AR_HEADER or header[58:] != b"`\n" or not length.isdigit():
                raise DebError("is damaged: its ar archive has a bad header", where=path)
            name = header[:16].decode("ascii", "replace").rstrip().removesuffix("/")
            region = Region(path, stream.tell(), int(length))
            if region.offset + region.length > size:
                raise DebError(f"is truncated: its member {name} is incomplete", where=path)
            if name in members:
                raise DebError(f"is damaged: it has two members {name}", where=path)
            members[name] = region
            # Members begin at even offsets.
            stream.seek(region.offset + region.length + region.length % 2)
    return members


@contextlib.contextmanager
def _member(path: str, members: Mapping[str, Region], stem: str) -> Generator[IO[bytes]]:
    names = [name for name in members if name == f"{stem}.tar" or name.startswith(f"{stem}.tar.")]
    if len(names) != 1:
        raise DebError(f"has {len(names)} members {stem}.tar and must have one", where=path)
    with members[names[0]].open() as raw, _decompressed(raw, names[0], path) as stream:
        yield stream


def _decompressed(raw: IO[bytes], name: str, path: str) -> IO[bytes]:
    suffix = name.rpartition(".")[2]
    if suffix == "xz":
        return cast(IO[bytes], lzma.LZMAFile(raw))
    if suffix == "gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if suffix == "bz2":
        return cast(IO[bytes], bz2.BZ2File(raw))
    if suffix == "zst":
        return cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(raw))
    if suffix == "tar":
        return raw
    raise DebError(f"has a member {name} of an unknown compression", where=path)


def _read(stream: IO[bytes], size: int, path: str) -> bytes:
    try:
        return stream.read(size)
    except (lzma.LZMAError, zstandard.ZstdError, EOFError, OSError) as error:
        raise DebError(f"cannot be decompressed: {error}", where=path) from None


def _bytes(region: Region) -> bytes:
    with region.open() as stream:
        return stream.read(64)


def _control(path: str, members: Mapping[str, Region]) -> str:
    with _member(path, members, "control") as stream:
        data = _read(stream, _CONTROL_MAX, path)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                if member.name in ("control", "./control"):
                    file = tar.extractfile(member)
                    if file is not None:
                        return file.read().decode("utf-8")
    except (tarfile.TarError, ValueError) as error:
        raise DebError(f"its control archive is damaged: {error}", where=path) from None
    raise DebError("its control archive has no control file", where=path)


def _fields(control: str, path: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in control.rstrip("\n").split("\n"):
        if line.startswith((" ", "\t")):
            continue  # Continuation lines carry only descriptions and lists that nobody reads here.
        match = _FIELD.fullmatch(line)
        if not match:
            raise DebError(f"its control file has a bad line {line!r}", where=path)
        fields[match[1]] = match[2].strip()
    return fields


def _entry(member: tarfile.TarInfo, tar_path: str, deb: Deb) -> Entry:
    kind = _KINDS.get(member.type)
    if kind is None or member.pax_headers:
        # deb(5) has no pax headers, and so neither extended attributes.
        raise DebError(f"has a member {member.name!r} of an unknown type", where=deb.path)
    device = kind in (Kind.CHAR, Kind.BLOCK)
    target = ""
    if kind is Kind.SYMLINK:
        target = member.linkname
    elif kind is Kind.HARDLINK:
        target = paths.normalise(member.linkname, str(deb))
    return Entry(
        path=paths.normalise(member.name, str(deb)),
        kind=kind,
        mode=0o777 if kind is Kind.SYMLINK else member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        content=Region(tar_path, member.offset_data, member.size) if kind is Kind.FILE else None,
        target=target,
        device=(member.devmajor, member.devminor) if device else (0, 0),
        origin=str(deb),
    )
