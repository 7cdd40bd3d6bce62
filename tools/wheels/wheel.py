"""Reads Python wheels (PyPA's "Binary distribution format") in this process, and runs nothing of theirs.

A wheel is a zip archive. Files at its top go to a directory where Python looks for modules, and those below
`*.data/SCHEME` to the directory of their scheme. RECORD names every file with its digest; here each is checked. RECORD
itself stays out of the image: without it installers know that the package is not theirs to remove.
"""

from __future__ import annotations

import dataclasses
import email.parser
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.content import Inline, Region
from tools.fsspec.tree import Entry, Kind
from tools.wheels import entry_points, record, tags
from tools.wheels.record import Row

UNPACKED_MAX = 2 * 2**30
"""Most bytes that one wheel may have unpacked: a bound against decompression bombs."""

PROGRAMS = "usr/local/bin"
"""Directory of the image that programs go to."""

ANY = tags.ANY
"""Architecture of a wheel that fits each one."""

_PREFIX = "usr/local"
_HEADERS = "usr/local/include"
_INTERPRETER = entry_points.INTERPRETER.encode()
_RENEW = "get the wheel again, or renew the lock"
_OTHER = "take another version, or one that is built otherwise"
_TEXT_MAX = 16 * 2**20
"""Most bytes of a file that describes the wheel."""
_BLOCK = 2**20
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+", re.ASCII)
# `(MIT OR Apache-2.0) AND …`: what PEP 639 calls a licence expression.
_EXPRESSION = re.compile(r"[A-Za-z0-9.+() -]+", re.ASCII)
_PYTHON = re.compile(r"(?:^|/)(python3(?:\.\d+)?)(?=/|$)", re.ASCII)
# What the parts of a damaged archive raise when they are read.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class WheelError(errors.InputError):
    """A file that is no wheel for guests, or a damaged one."""

    def __init__(self, what: str, *, where: str = "", fix: str = _RENEW) -> None:
        super().__init__(what, where=where, fix=fix)


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A wheel.

    Attributes:
        path: its file.
        name: field Name.
        version: field Version.
        architecture: `aarch64`, `x86_64`, or ANY.
        licence: field License-Expression, or empty where it has none.
    """

    path: str
    name: str
    version: str
    architecture: str
    licence: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} (wheel, {self.architecture})"


def read(path: str) -> Wheel:
    """Reads what a wheel says of itself.

    Raises:
        WheelError: it is no wheel of format 1, damaged, or for other systems than Linux with glibc.
    """
    with _Archive(path) as archive:
        about = _lines(archive.text("WHEEL"))
        if not (about.get("Wheel-Version") or [""])[0].startswith("1."):
            raise WheelError("is no wheel of format 1", where=path)
        metadata = _fields(archive.text("METADATA"))
    name, version = (metadata.get(key, "") for key in ("Name", "Version"))
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise WheelError(f"has a bad name or version: {name!r}, {version!r}", where=path)
    try:
        architecture = tags.architecture(os.path.basename(path), about.get("Tag") or [])
    except tags.TagError as error:
        raise WheelError(str(error), where=path, fix="take one for Linux with glibc, of one architecture") from None
    licence = metadata.get("License-Expression", "")
    return Wheel(
        path=path,
        name=name,
        version=version,
        architecture=architecture,
        licence=licence if _EXPRESSION.fullmatch(licence) else "",
    )


def unpack(wheel: Wheel, library: str, data_path: str) -> list[Entry]:
    """Unpacks a wheel.

    Compiled modules in `__pycache__` stay out, as installers do it: Python would believe them without their source.

    Args:
        wheel: the wheel.
        library: directory of the image that its modules go to.
        data_path: where to write the files' bytes, one after the other; the entries' content stays there.

    Returns:
        The entries, root's, in the order of the archive.

    Raises:
        WheelError, PathError: the wheel is damaged or has what no image may have.
    """
    schemes = _schemes(paths.normalise(library, "library"), wheel.name)
    entries: list[Entry] = []
    with _Archive(wheel.path) as archive, open(data_path, "wb") as target:
        rows = archive.rows()
        launchers = archive.launchers()
        for name, member in archive.members.items():
            if name in archive.unrecorded:
                continue
            row = rows.pop(name, None)
            scheme, path = _place(name, schemes, wheel)
            start = target.tell()
            matches = archive.copy(member, row, target, is_script=scheme == "scripts")
            is_compiled = "__pycache__" in name.split("/")[:-1]
            if not matches and not (is_compiled and row == Row()):
                raise WheelError(_difference(name, row), where=wheel.path)
            if is_compiled or scheme == "scripts" and path.removeprefix(f"{PROGRAMS}/") in launchers:
                target.seek(start)
                target.truncate()
                continue
            mode = 0o755 if scheme == "scripts" or member.external_attr >> 16 & 0o111 else 0o644
            content = Region(data_path, start, target.tell() - start)
            entries.append(Entry(path=path, kind=Kind.FILE, mode=mode, content=content, origin=str(wheel)))
        archive.check_left(rows)
        for name, text in launchers.items():
            path = f"{PROGRAMS}/{name}"
            content = Inline(text.encode())
            entries.append(Entry(path=path, kind=Kind.FILE, mode=0o755, content=content, origin=str(wheel)))
    return entries


class _Archive:
    """The zip archive of a wheel.

    Attributes:
        members: its files by canonical name, in the archive's order.
        unrecorded: names of the files that RECORD does not describe: itself and its signatures.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise
        except _DAMAGES as error:
            raise WheelError(f"is no wheel: {error}", where=path) from None
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            name = record.canonical(member.filename)
            if member.filename.endswith(("/", "\\")):
                continue
            if name in self.members:
                raise WheelError(f"has its file {name!r} twice", where=path)
            self.members[name] = member
        self._info = self._info_directory()
        self.unrecorded = {f"{self._info}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _info_directory(self) -> str:
        tops = {name.partition("/")[0] for name in self.members if "/" in name}
        found = sorted(top for top in tops if top.endswith(".dist-info"))
        if len(found) != 1:
            raise WheelError(f"has {len(found)} directories .dist-info and must have one", where=self._path)
        return found[0]

    def text(self, name: str, problems: str = "replace") -> str:
        """Returns a text of the directory .dist-info.

        Args:
            name: name of the file there.
            problems: what to do with bytes that are not UTF-8, as `bytes.decode` has it.
        """
        member = self.members.get(f"{self._info}/{name}")
        if member is None:
            raise WheelError(f"has no file '{self._info}/{name}'", where=self._path)
        if member.file_size > _TEXT_MAX:
            raise WheelError(f"its file {name} has more than {_TEXT_MAX} bytes", where=self._path)
        try:
            return self._zip.read(member).decode("utf-8-sig", problems)
        except UnicodeDecodeError as error:
            raise WheelError(f"its file {name} is not UTF-8: {error}", where=self._path, fix=_OTHER) from None
        except _DAMAGES as error:
            raise self._damage(member, error) from None

    def rows(self) -> dict[str, Row]:
        """Returns the rows of RECORD, except those of the files that it need not describe."""
        try:
            rows = record.parse(self.text("RECORD", "strict"))
        except record.RecordError as error:
            raise WheelError(str(error), where=self._path, fix=_OTHER) from None
        return {name: row for name, row in rows.items() if name not in self.unrecorded}

    def launchers(self) -> dict[str, str]:
        """Returns the text of each program that is described as a function."""
        if f"{self._info}/entry_points.txt" not in self.members:
            return {}
        try:
            return entry_points.launchers(self.text("entry_points.txt", "strict"))
        except entry_points.EntryPointError as error:
            raise WheelError(str(error), where=self._path, fix=_OTHER) from None

    def copy(self, member: zipfile.ZipInfo, row: Row | None, target: IO[bytes], *, is_script: bool) -> bool:
        """Writes a file to `target`, and returns whether it is the recorded one.

        Args:
            member: the file.
            row: its row in RECORD, if it has one.
            target: where to write it.
            is_script: whether it is a program, whose first line may ask for the interpreter of the image.
        """
        if target.tell() + member.file_size > UNPACKED_MAX:
            raise WheelError(f"has more than {UNPACKED_MAX} bytes", where=self._path)
        check = record.Check(row or Row())
        for number, data in enumerate(self._pieces(member, by_line=is_script)):
            check.update(data)
            is_first = is_script and number == 0
            target.write(_INTERPRETER if is_first and data.startswith(b"#!python") else data)
        return check.matches()

    def _pieces(self, member: zipfile.ZipInfo, *, by_line: bool) -> Iterator[bytes]:
        """Reads a file; the first piece is its first line where `by_line` says so."""
        try:
            with self._zip.open(member) as source:
                if by_line:
                    yield source.readline(_BLOCK)
                while data := source.read(_BLOCK):
                    yield data
        except _DAMAGES as error:
            raise self._damage(member, error) from None

    def check_left(self, rows: Mapping[str, Row]) -> None:
        """Refuses rows of files that the archive does not contain.

        Rows of directories, and of modules that an installer compiles, describe no file of the archive.
        """
        for name, row in rows.items():
            parts = name.split("/")
            is_compiled = "__pycache__" in parts[:-1] and not row.algorithm
            is_directory = any(other.startswith(f"{name}/") for other in self.members)
            if not is_compiled and not is_directory:
                raise WheelError(f"has no file {name!r}, which is in its RECORD", where=self._path)

    def _damage(self, member: zipfile.ZipInfo, error: Exception) -> WheelError:
        return WheelError(f"its file {member.filename!r} cannot be unpacked: {error}", where=self._path)


def _lines(text: str) -> Mapping[str, list[str]]:
    """Reads WHEEL. Some build tools write empty lines into it, which end the fields of METADATA."""
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), []).append(value.strip())
    return fields


def _fields(text: str) -> Mapping[str, str]:
    """Reads METADATA; of a field that stands there several times, the first."""
    fields: dict[str, str] = {}
    for key, value in email.parser.HeaderParser().parsestr(text.lstrip()).items():
        fields.setdefault(key, value.strip())
    return fields


def _schemes(library: str, name: str) -> Mapping[str, str]:
    """Returns the directory of each scheme of `.data`, as Debian's Python has them for what is not Debian's."""
    python = _PYTHON.search(library)
    return {
        "data": _PREFIX,
        "headers": "/".join([_HEADERS, *([python[1]] if python else []), name]),
        "platlib": library,
        "purelib": library,
        "scripts": PROGRAMS,
    }


def _place(name: str, schemes: Mapping[str, str], wheel: Wheel) -> tuple[str, str]:
    """Says of which scheme a file is, and where it goes.

    Like pip this takes every `*.data`: builders spell its name otherwise than that of `.dist-info`.
    """
    top, _, rest = name.partition("/")
    if not top.endswith(".data") or not rest:
        return "purelib", f"{schemes['purelib']}/{paths.check(name, str(wheel))}"
    scheme, _, rest = rest.partition("/")
    if scheme not in schemes or not rest:
        expected = f"is in none of {', '.join(f'{top}/{known}' for known in sorted(schemes))}"
        raise WheelError(f"its file {name!r} {expected}", where=wheel.path, fix=_OTHER)
    return scheme, f"{schemes[scheme]}/{paths.check(rest, str(wheel))}"


def _difference(name: str, row: Row | None) -> str:
    if row is None:
        return f"its file {name!r} is not in its RECORD"
    if not row.algorithm:
        return f"its file {name!r} has no digest in its RECORD"
    return f"its file {name!r} is not the one of its RECORD"
