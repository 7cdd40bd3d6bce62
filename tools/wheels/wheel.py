"""Reads Python wheels (PyPA's "Binary distribution format") in this process, and runs nothing of theirs.

A wheel is a zip archive. What stands at its top goes to a folder where Python looks for modules, what stands in
`NAME.data/scripts` beside other programs. RECORD names every file with its digest; here each is checked. RECORD itself
stays out of the image: without it installers know that the package is not theirs to remove.
"""

from __future__ import annotations

import base64
import configparser
import csv
import dataclasses
import email.parser
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.content import Inline, Region
from tools.fsspec.tree import Entry, Kind

UNPACKED_MAX = 2 * 2**30
"""Most bytes that one wheel may have unpacked: a bound against decompression bombs."""

PROGRAMS = "usr/local/bin"
"""Folder of the image that programs go to."""

ANY = "any"
"""Architecture of a wheel without machine code."""

_PREFIX = "usr/local"
_INTERPRETER = b"#!/usr/bin/python3\n"
_RENEW = "get the wheel again, or renew the lock"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+", re.ASCII)
_PLATFORM = re.compile(r"(?:linux|manylinux\w+|musllinux_\d+_\d+)_(aarch64|x86_64)", re.ASCII)
# `(MIT OR Apache-2.0) AND …`: what PEP 639 calls a licence expression.
_EXPRESSION = re.compile(r"[A-Za-z0-9.+() -]+", re.ASCII)
_ENTRY_POINT = re.compile(r"([\w.]+)\s*:\s*([\w.]+)(?:\s*\[.*\])?", re.ASCII)


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
        WheelError: it is no wheel of format 1, damaged, or for other systems than Linux.
    """
    with _opened(path) as archive:
        info = _info_folder(archive, path)
        about = _fields(archive, f"{info}/WHEEL", path)
        if not (about.get("Wheel-Version") or [""])[0].startswith("1."):
            raise WheelError("is no wheel of format 1", where=path)
        metadata = _fields(archive, f"{info}/METADATA", path)
    name, version = ((metadata.get(key) or [""])[0] for key in ("Name", "Version"))
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise WheelError(f"has a bad name or version: {name!r}, {version!r}", where=path)
    licence = (metadata.get("License-Expression") or [""])[0]
    return Wheel(
        path=path,
        name=name,
        version=version,
        architecture=_architecture(about.get("Tag") or [], path),
        licence=licence if _EXPRESSION.fullmatch(licence) else "",
    )


def unpack(wheel: Wheel, library: str, data_path: str) -> list[Entry]:
    """Unpacks a wheel.

    Args:
        wheel: the wheel.
        library: folder of the image that its modules go to.
        data_path: where to write the files' bytes, one after the other; the entries' content stays there.

    Returns:
        The entries, root's, in the order of the archive.

    Raises:
        WheelError, PathError: the wheel is damaged or has what no image may have.
    """
    library = paths.normalise(library, "library")
    entries: list[Entry] = []
    left = UNPACKED_MAX
    with _opened(wheel.path) as archive, open(data_path, "wb") as target:
        info = _info_folder(archive, wheel.path)
        record = _record(archive, info, wheel.path)
        for member in archive.infolist():
            if member.is_dir() or member.filename.startswith(f"{info}/RECORD"):
                continue
            left -= member.file_size
            if left < 0:
                raise WheelError(f"has more than {UNPACKED_MAX} bytes", where=wheel.path)
            data = _read(archive, member.filename, wheel.path)
            if record.pop(member.filename, None) != _digest(data):
                raise WheelError(f"its file {member.filename!r} is not the one of its RECORD", where=wheel.path)
            path, is_script = _place(member.filename, info.removesuffix(".dist-info") + ".data", library, wheel)
            if is_script and data.startswith(b"#!python"):
                data = _INTERPRETER + data.partition(b"\n")[2]
            mode = 0o755 if is_script or member.external_attr >> 16 & 0o111 else 0o644
            content = Region(data_path, target.tell(), len(data))
            target.write(data)
            entries.append(Entry(path=path, kind=Kind.FILE, mode=mode, content=content, origin=str(wheel)))
        if record:
            raise WheelError(f"has no file {min(record)!r}, which is in its RECORD", where=wheel.path)
        for name, text in _launchers(archive, info, wheel.path):
            content = Inline(text.encode())
            path = f"{PROGRAMS}/{name}"
            entries.append(Entry(path=path, kind=Kind.FILE, mode=0o755, content=content, origin=str(wheel)))
    return entries


def _opened(path: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError) as error:
        raise WheelError(f"is no wheel: {error}", where=path) from None


def _info_folder(archive: zipfile.ZipFile, path: str) -> str:
    tops = {name.partition("/")[0] for name in archive.namelist()}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        raise WheelError(f"has {len(found)} folders .dist-info and must have one", where=path)
    return found[0]


def _read(archive: zipfile.ZipFile, name: str, path: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError:
        raise WheelError(f"has no file {name!r}", where=path) from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise WheelError(f"its file {name!r} cannot be unpacked: {error}", where=path) from None


def _text(archive: zipfile.ZipFile, name: str, path: str) -> str:
    try:
        return _read(archive, name, path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WheelError(f"its file {name!r} is no text: {error}", where=path) from None


def _fields(archive: zipfile.ZipFile, name: str, path: str) -> Mapping[str, list[str]]:
    message = email.parser.HeaderParser().parsestr(_text(archive, name, path))
    fields: dict[str, list[str]] = {}
    for key, value in message.items():
        fields.setdefault(key, []).append(value.strip())
    return fields


def _architecture(tags: list[str], path: str) -> str:
    found: set[str] = set()
    for tag in tags:
        platform = tag.rpartition("-")[2]
        match = _PLATFORM.fullmatch(platform)
        if not match and platform != ANY:
            raise WheelError(f"is for {platform!r}", where=path, fix="take one for Linux")
        found.add(match[1] if match else ANY)
    if len(found) != 1:
        raise WheelError(
            f"is for {', '.join(sorted(found)) or 'no system'}, and must be for one architecture", where=path
        )
    return found.pop()


def _record(archive: zipfile.ZipFile, info: str, path: str) -> dict[str, str]:
    """Returns the digest of each file, as RECORD writes it; RECORD itself and its signatures are left out."""
    rows = csv.reader(io.StringIO(_text(archive, f"{info}/RECORD", path)))
    return {row[0]: row[1] for row in rows if len(row) == 3 and not row[0].startswith(f"{info}/RECORD")}


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _place(name: str, data_folder: str, library: str, wheel: Wheel) -> tuple[str, bool]:
    """Says where a member goes, and whether it is a program."""
    top, _, rest = name.partition("/")
    if top != data_folder:
        return f"{library}/{paths.check(name, str(wheel))}", False
    scheme, _, rest = rest.partition("/")
    folders = {"scripts": PROGRAMS, "data": _PREFIX, "purelib": library, "platlib": library}
    if scheme not in folders:
        raise WheelError(f"has a file {name!r}, of which nothing says where it goes", where=wheel.path, fix="")
    return f"{folders[scheme]}/{paths.check(rest, str(wheel))}", scheme == "scripts"


def _launchers(archive: zipfile.ZipFile, info: str, path: str) -> Iterator[tuple[str, str]]:
    """Makes the programs that a wheel describes as functions to call."""
    name = f"{info}/entry_points.txt"
    if name not in archive.namelist():
        return
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(_text(archive, name, path))
    except configparser.Error as error:
        raise WheelError(f"its file {name!r} is malformed: {error}", where=path) from None
    for program, reference in parser.items("console_scripts") if parser.has_section("console_scripts") else ():
        match = _ENTRY_POINT.fullmatch(reference.strip())
        if not match or not _NAME.fullmatch(program):
            raise WheelError(f"has a bad program {program!r} = {reference!r}", where=path)
        module, function = match[1], match[2]
        first = function.partition(".")[0]
        yield program, f"{_INTERPRETER.decode()}import sys\nfrom {module} import {first}\nsys.exit({function}())\n"
