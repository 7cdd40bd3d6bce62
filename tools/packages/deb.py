"""Reads Debian packages (deb(5)) in this process, and runs nothing of theirs.

A `.deb` is an ar archive of three members: the format's version, the control archive and the data
archive. The data archive is unpacked into one uncompressed tar file, whose members are then read in
place.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import pathlib
import re
import tarfile
from collections.abc import Generator, Mapping
from typing import IO

from tools.fsspec.content import Region
from tools.fsspec.tree import Entry
from tools.packages import tarball
from tools.packages.tarball import PackageError

_CONTROL_MAX = 64 * 2**20
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)", re.ASCII)


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
        PackageError: it is no package of format 2, or damaged.
    """
    members = _ar_members(path)
    version = members.get("debian-binary")
    if version is None or not _bytes(version).startswith(b"2."):
        raise PackageError("is no Debian package of format 2", where=path)
    control = _control(path, members)
    fields = _fields(control, path)
    missing = [key for key in ("Package", "Version", "Architecture") if not fields.get(key)]
    if missing:
        raise PackageError(f"its control file has no field {missing[0]}", where=path)
    if not _NAME.fullmatch(fields["Package"]):
        raise PackageError(f"its control file has a bad package name {fields['Package']!r}", where=path)
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
        PackageError, PathError, TreeError: the package is damaged or has what no image may have.
    """
    with _member(deb.path, deb.members, "data") as stream:
        tarball.save(stream, tar_path, deb.path)
    # deb(5) has no pax headers.
    return tarball.entries(tar_path, deb.path, str(deb))


def _ar_members(path: str) -> dict[str, Region]:
    size = pathlib.Path(path).stat().st_size
    members: dict[str, Region] = {}
    with open(path, "rb") as stream:
        if stream.read(len(_AR_MAGIC)) != _AR_MAGIC:
            raise PackageError("is no Debian package: it is no ar archive", where=path)
        while header := stream.read(_AR_HEADER):
            length = header[48:58].strip()
            if len(header) != _AR_HEADER or header[58:] != b"`\n" or not length.isdigit():
                raise PackageError("is damaged: its ar archive has a bad header", where=path)
            name = header[:16].decode("ascii", "replace").rstrip().removesuffix("/")
            region = Region(path, stream.tell(), int(length))
            if region.offset + region.length > size:
                raise PackageError(f"is truncated: its member {name} is incomplete", where=path)
            if name in members:
                raise PackageError(f"is damaged: it has two members {name}", where=path)
            members[name] = region
            # Members begin at even offsets.
            stream.seek(region.offset + region.length + region.length % 2)
    return members


@contextlib.contextmanager
def _member(path: str, members: Mapping[str, Region], stem: str) -> Generator[IO[bytes]]:
    names = [name for name in members if name == f"{stem}.tar" or name.startswith(f"{stem}.tar.")]
    if len(names) != 1:
        raise PackageError(f"has {len(names)} members {stem}.tar and must have one", where=path)
    suffix = names[0].rpartition(".")[2]
    with members[names[0]].open() as raw, tarball.decompressed(raw, suffix, path) as stream:
        yield stream


def _bytes(region: Region) -> bytes:
    with region.open() as stream:
        return stream.read(64)


def _control(path: str, members: Mapping[str, Region]) -> str:
    with _member(path, members, "control") as stream:
        data = tarball.read(stream, _CONTROL_MAX, path)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                # A link would be looked for among the members that are still to come.
                file = tar.extractfile(member) if member.isreg() and member.name in ("control", "./control") else None
                if file is not None:
                    return file.read().decode("utf-8")
    except (tarfile.TarError, ValueError) as error:
        raise PackageError(f"its control archive is damaged: {error}", where=path) from None
    raise PackageError("its control archive has no control file", where=path)


def _fields(control: str, path: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in control.rstrip("\n").split("\n"):
        if line.startswith((" ", "\t")):
            continue  # Continuation lines carry only descriptions and lists that nobody reads here.
        match = _FIELD.fullmatch(line)
        if not match:
            raise PackageError(f"its control file has a bad line {line!r}", where=path)
        fields[match[1]] = match[2].strip()
    return fields
