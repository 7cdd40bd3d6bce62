"""Reads packages of the npm registry in this process, and runs nothing of theirs.

A package is a tar archive, compressed by gzip, with everything in one folder; `package.json` in it describes the
package.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from typing import Any, cast

from tools.fsspec import content, paths
from tools.fsspec.tree import Entry, Kind
from tools.packages import tarball
from tools.packages.tarball import PackageError

LIBRARY = "usr/local/lib/node_modules"
"""Folder of the image that packages go to: where npm, installed below /usr/local, puts those for all users."""

PROGRAMS = "usr/local/bin"
"""Folder of the image that links to their programs go to."""

ANY = "any"
"""Architecture of a package without machine code."""

_DESCRIPTION = "package.json"
_CPUS = {"arm64": "aarch64", "x64": "x86_64"}
_NAME = re.compile(r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+-]+", re.ASCII)
_PROGRAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_EXPRESSION = re.compile(r"[A-Za-z0-9.+() -]+", re.ASCII)
# Headers of what does not matter to an image: npm packs some archives with them.
_HEADERS = ("mtime", "path", "size", "atime", "ctime", "uid", "gid")


@dataclasses.dataclass(frozen=True)
class NpmPackage:
    """A package.

    Attributes:
        path: its file.
        name: its name, with its scope.
        version: its version.
        architecture: `aarch64`, `x86_64`, or ANY.
        licence: an SPDX expression, or empty where it has none.
        programs: name of each program to its path in the package.
    """

    path: str
    name: str
    version: str
    architecture: str
    licence: str
    programs: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name} {self.version} (npm, {self.architecture})"


def read(path: str, tar_path: str) -> NpmPackage:
    """Reads what a package says of itself.

    Args:
        path: the archive.
        tar_path: where to write it uncompressed.

    Raises:
        PackageError: it is no package, or damaged.
    """
    with open(path, "rb") as raw, tarball.decompressed(raw, "gz", path) as stream:
        tarball.save(stream, tar_path, path)
    description = _description(path, tar_path)
    name, version = description.get("name"), description.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PackageError(f"has a bad name {name!r}", where=path)
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise PackageError(f"has a bad version {version!r}", where=path)
    licence = description.get("license")
    return NpmPackage(
        path=path,
        name=name,
        version=version,
        architecture=_architecture(description.get("cpu"), path),
        licence=licence if isinstance(licence, str) and _EXPRESSION.fullmatch(licence) else "",
        programs=_programs(name, description.get("bin"), path),
    )


def unpack(package: NpmPackage, tar_path: str) -> list[Entry]:
    """Makes the entries of a package.

    Args:
        package: the package.
        tar_path: the archive that `read` wrote; the entries' content stays there.

    Returns:
        The entries, root's: its files, and a link to each program.

    Raises:
        PackageError, PathError, TreeError: the archive is damaged or has what no image may have.
    """
    folder = f"{LIBRARY}/{package.name}"
    programs = {f"{folder}/{place}" for place in package.programs.values()}
    entries: dict[str, Entry] = {}
    for entry in tarball.entries(tar_path, package.path, str(package), _HEADERS):
        if entry.kind is Kind.DIRECTORY:
            continue
        if entry.kind is not Kind.FILE:
            raise PackageError(f"has {entry.path!r}, a {entry.kind}: packages have files only", where=package.path)
        path = f"{folder}/{_below(entry.path)}"
        mode = 0o755 if path in programs or entry.mode & 0o111 else 0o644
        entries[path] = dataclasses.replace(entry, path=path, mode=mode, uid=0, gid=0)
    absent = sorted(programs - entries.keys())
    if absent:
        raise PackageError(f"has no {absent[0].removeprefix(folder + '/')!r}, which is its program", where=package.path)
    for name, place in package.programs.items():
        target = os.path.relpath(f"{folder}/{place}", PROGRAMS)
        path = f"{PROGRAMS}/{name}"
        entries[path] = Entry(path=path, kind=Kind.SYMLINK, mode=0o777, target=target, origin=str(package))
    return list(entries.values())


def _below(path: str) -> str:
    """The path in the package's folder, whatever that is called."""
    return path.partition("/")[2]


def _description(path: str, tar_path: str) -> dict[str, Any]:
    for entry in tarball.entries(tar_path, path, path, _HEADERS):
        if entry.content and entry.path.count("/") == 1 and _below(entry.path) == _DESCRIPTION:
            try:
                value: object = json.loads(content.read(entry.content))
            except ValueError as error:
                raise PackageError(f"its {_DESCRIPTION} is no JSON: {error}", where=path) from None
            if not isinstance(value, dict):
                raise PackageError(f"its {_DESCRIPTION} is no object", where=path)
            return cast(dict[str, Any], value)
    raise PackageError(f"is no npm package: it has no {_DESCRIPTION}", where=path)


def _architecture(cpus: object, path: str) -> str:
    if not cpus:
        return ANY
    names = cast(list[object], cpus) if isinstance(cpus, list) else [cpus]
    found = _CPUS.get(str(names[0])) if len(names) == 1 else None
    if not found:
        raise PackageError(f"is for {names!r}, and must be for one architecture", where=path)
    return found


def _programs(name: str, bins: object, path: str) -> dict[str, str]:
    """Reads the field `bin`: a path, or paths by name."""
    if isinstance(bins, str):
        bins = {name.rpartition("/")[2]: bins}
    programs: dict[str, str] = {}
    for program, place in cast(dict[str, object], bins).items() if isinstance(bins, dict) else ():
        if not _PROGRAM.fullmatch(program) or not isinstance(place, str):
            raise PackageError(f"has a bad program {program!r}: {place!r}", where=path)
        programs[program] = paths.normalise(place, path)
    return programs
