"""Read Debian packages (deb(5)) in this process, and run nothing of theirs.

A `.deb` is an ar archive of three members: the format's version, the control archive and the data archive. The module
unpacks the data archive into one uncompressed tar file, and reads its members in place.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import tarfile
from collections.abc import Generator, Mapping
from typing import IO

from tools.fsspec.content import Region
from tools.fsspec.tree import Entry
from tools.packages import ar, duplicates, relations, tarball
from tools.packages.relations import Relation
from tools.packages.tarball import PackageError

_CONTROL_MAX = 64 * 2**20
_FIELD = re.compile(r"([^\s:#-][^\s:]*)[ \t]*:[ \t]*(.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Deb:
    """A package.

    Attributes:
        path: its file.
        name: field Package, in lower case as in dpkg.
        version: field Version.
        architecture: field Architecture, in Debian's spelling.
        control: text of the whole control stanza, with a final newline; surrogates represent bytes that are not UTF-8.
        essential: whether every Debian system has it, and unpacks it first.
        replaces: packages whose files it may overwrite.
        members: the ar archive's members by name.
    """

    path: str
    name: str
    version: str
    architecture: str
    control: str
    members: Mapping[str, Region]
    essential: bool = False
    replaces: tuple[Relation, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.architecture})"

    def may_replace(self, other: Deb) -> bool:
        """Return whether its files replace those of another package."""
        return any(relation.fits(other.name, other.version, other.architecture) for relation in self.replaces)


def read(path: str) -> Deb:
    """Read a package's members and its control stanza.

    Raises:
        PackageError: it is not a package of format 2, or damaged.
    """
    members = _ar_members(path)
    version = members.get("debian-binary")
    if version is None or not _bytes(version).startswith(b"2."):
        raise PackageError("is not a Debian package of format 2", where=path)
    control = _control(path, members)
    fields = _fields(control, path)
    missing = [key for key in ("Package", "Version", "Architecture") if not fields.get(key.lower())]
    if missing:
        raise PackageError(f"its control file has no field {missing[0]}", where=path)
    name = fields["package"].lower()
    if not relations.NAME.fullmatch(name):
        raise PackageError(f"its control file has a bad package name {fields['package']!r}", where=path)
    if not relations.VERSION.fullmatch(fields["version"]):
        raise PackageError(f"its control file has a bad version {fields['version']!r}", where=path)
    try:
        replaces = relations.parse(fields.get("replaces", ""))
    except ValueError as error:
        raise PackageError(f"its control file has a bad field Replaces: {str(error)!r}", where=path) from None
    return Deb(
        path=path,
        name=name,
        version=fields["version"],
        architecture=fields["architecture"],
        control=control.strip("\n") + "\n",
        members=members,
        essential=fields.get("essential", "").lower() == "yes",
        replaces=replaces,
    )


def unpack(deb: Deb, tar_path: str) -> list[Entry]:
    """Unpack a package's data archive.

    Args:
        deb: the package.
        tar_path: output: the uncompressed archive; the entries' content stays there.

    Returns:
        The entries, without duplicates and without the root.

    Raises:
        PackageError, PathError, TreeError: the package is damaged or contains something that no image may contain.
    """
    with _member(deb.path, deb.members, "data") as stream:
        tarball.save(stream, tar_path, deb.path)
    # deb(5) has no pax headers.
    return duplicates.drop(tarball.entries(tar_path, deb.path, str(deb)), deb.path)


def _ar_members(path: str) -> dict[str, Region]:
    members: dict[str, Region] = {}
    try:
        with open(path, "rb") as stream:
            for member in ar.members(stream):
                if member.name in members:
                    raise PackageError(f"is damaged: it has two members {member.name}", where=path)
                members[member.name] = Region(path, member.offset, member.size)
    except ar.ArError as error:
        raise PackageError(f"is not a Debian package: it {error}", where=path) from None
    return members


@contextlib.contextmanager
def _member(path: str, members: Mapping[str, Region], stem: str) -> Generator[IO[bytes]]:
    names = [name for name in members if name == f"{stem}.tar" or name.startswith(f"{stem}.tar.")]
    if len(names) != 1:
        raise PackageError(f"has {len(names)} members {stem}.tar instead of one", where=path)
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
                # tarfile would look for the target of a link among later members.
                file = tar.extractfile(member) if _is_control(member) else None
                if file is not None:
                    # Old packages are not UTF-8; the parsed fields are ASCII.
                    return file.read().decode("utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise PackageError(f"its control archive is damaged: {error}", where=path) from None
    raise PackageError("its control archive has no control file", where=path)


def _is_control(member: tarfile.TarInfo) -> bool:
    return member.isreg() and [part for part in member.name.split("/") if part not in ("", ".")] == ["control"]


def _fields(control: str, path: str) -> dict[str, str]:
    """Read the fields, by name in lower case as dpkg compares them. Values include continuation lines."""
    fields: dict[str, str] = {}
    name = ""
    for line in control.strip("\n").split("\n"):
        if name and line.startswith((" ", "\t")):
            fields[name] += "\n" + line
            continue
        match = _FIELD.fullmatch(line)
        if not match:
            raise PackageError(f"its control file has a bad line {line!r}", where=path)
        name = match[1].lower()
        if name in fields:
            raise PackageError(f"its control file has the field {match[1]} twice", where=path)
        fields[name] = match[2]
    return {name: value.strip() for name, value in fields.items()}
