"""Read Python wheels (PyPA's "Binary distribution format") without running their code.

A wheel is a zip archive. Files at its top go to a directory where Python looks for modules, and those below
`*.data/SCHEME` to the directory of their scheme. Every file must match its digest in RECORD. RECORD itself stays out of
the image, so that installers do not remove the package.
"""

from __future__ import annotations

import dataclasses
import email.parser
import os
import re
from collections.abc import Mapping

from tools.fsspec import paths
from tools.fsspec.content import Inline, Region
from tools.fsspec.tree import Entry, Kind
from tools.wheels import tags
from tools.wheels.archive import OTHER, Archive, WheelError
from tools.wheels.record import Row

PROGRAMS = "usr/local/bin"
"""Directory of the image for programs."""

ANY = tags.ANY
"""Architecture of a wheel for all architectures."""

_PREFIX = "usr/local"
_HEADERS = "usr/local/include"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+", re.ASCII)
# A licence expression (PEP 639): `(MIT OR Apache-2.0) AND …`.
_EXPRESSION = re.compile(r"[A-Za-z0-9.+() -]+", re.ASCII)
_PYTHON = re.compile(r"(?:^|/)(python3(?:\.\d+)?)(?=/|$)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A wheel.

    Attributes:
        path: its file.
        name: field Name.
        version: field Version.
        architecture: `aarch64`, `x86_64`, or ANY.
        licence: field License-Expression, or the empty string.
    """

    path: str
    name: str
    version: str
    architecture: str
    licence: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} (wheel, {self.architecture})"


def read(path: str) -> Wheel:
    """Read the description of a wheel.

    Raises:
        WheelError: the file is not a wheel of format 1, is damaged, or is for other systems than Linux with glibc.
    """
    with Archive(path) as archive:
        about = _lines(archive.text("WHEEL"))
        if not (about.get("wheel-version") or [""])[0].startswith("1."):
            raise WheelError("is not a wheel of format 1", where=path)
        metadata = _fields(archive.text("METADATA"))
    name, version = (metadata.get(key, "") for key in ("name", "version"))
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise WheelError(f"has a bad name or version: {name!r}, {version!r}", where=path)
    try:
        architecture = tags.architecture(os.path.basename(path), about.get("tag") or [])
    except tags.TagError as error:
        raise WheelError(str(error), where=path, fix="take one for Linux with glibc, of one architecture") from None
    licence = metadata.get("license-expression", "")
    return Wheel(
        path=path,
        name=name,
        version=version,
        architecture=architecture,
        licence=licence if _EXPRESSION.fullmatch(licence) else "",
    )


def unpack(wheel: Wheel, library: str, data_path: str) -> list[Entry]:
    """Unpack a wheel.

    Compiled modules in `__pycache__` stay out, as with installers: Python would run them without reading their source.

    Args:
        wheel: the wheel.
        library: directory of the image for its modules.
        data_path: new file for the files' bytes; the entries refer to it.

    Returns:
        The entries, owned by root, in the order of the archive.

    Raises:
        WheelError: the wheel is damaged, or a file differs from RECORD.
        PathError: a file's path is not allowed in an image.
    """
    schemes = _schemes(paths.normalise(library, "library"), wheel.name)
    entries: list[Entry] = []
    with Archive(wheel.path) as archive, open(data_path, "wb") as target:
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


def _lines(text: str) -> Mapping[str, list[str]]:
    """Read the fields of WHEEL by lower-case names. Unlike in METADATA, empty lines do not end them."""
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip().lower(), []).append(value.strip())
    return fields


def _fields(text: str) -> Mapping[str, str]:
    """Read the fields of METADATA by lower-case names. The first of several fields with one name counts."""
    fields: dict[str, str] = {}
    for key, value in email.parser.HeaderParser().parsestr(text.lstrip()).items():
        fields.setdefault(key.lower(), value.strip())
    return fields


def _schemes(library: str, name: str) -> Mapping[str, str]:
    """Return the directory of each scheme of `.data`, as Debian's Python defines them for local packages."""
    python = _PYTHON.search(library)
    return {
        "data": _PREFIX,
        "headers": "/".join([_HEADERS, *([python[1]] if python else []), name]),
        "platlib": library,
        "purelib": library,
        "scripts": PROGRAMS,
    }


def _place(name: str, schemes: Mapping[str, str], wheel: Wheel) -> tuple[str, str]:
    """Return the scheme and the destination of a file.

    Like pip, this accepts every `*.data`: build tools spell its name differently from that of `.dist-info`.
    """
    top, _, rest = name.partition("/")
    if not top.endswith(".data") or not rest:
        return "purelib", f"{schemes['purelib']}/{paths.check(name, str(wheel))}"
    scheme, _, rest = rest.partition("/")
    if scheme not in schemes or not rest:
        expected = f"is in none of {', '.join(f'{top}/{known}' for known in sorted(schemes))}"
        raise WheelError(f"its file {name!r} {expected}", where=wheel.path, fix=OTHER)
    return scheme, f"{schemes[scheme]}/{paths.check(rest, str(wheel))}"


def _difference(name: str, row: Row | None) -> str:
    if row is None:
        return f"its file {name!r} is not in its RECORD"
    if not row.algorithm:
        return f"its file {name!r} has no digest in its RECORD"
    return f"its file {name!r} differs from its RECORD"
