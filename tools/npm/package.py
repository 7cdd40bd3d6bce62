"""Read packages of the npm registry in this process, and run nothing of theirs.

A package is a tar archive, compressed by gzip, with everything in one directory; `package.json` in it describes the
package.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tools.fsspec import content
from tools.fsspec.content import Content, Inline, Region
from tools.fsspec.tree import Entry, Kind
from tools.npm import archive, dependencies, platforms, programs
from tools.packages.tarball import PackageError

LIBRARY = "usr/local/lib/node_modules"
"""Directory of the image for packages: npm, installed below /usr/local, puts global packages there."""

PROGRAMS = "usr/local/bin"
"""Directory of the image for links to their programs."""

ANY = platforms.ANY
"""Architecture of a package that fits each one."""

_DESCRIPTION = "package.json"
_DESCRIPTION_MAX = 16 * 2**20
"""Most bytes of a package.json."""
# All names that the registry has ever accepted (validate-npm-package-name): new ones have no capitals.
_NAME = re.compile(r"(?:@[\w.~'!()*-]+/)?(?![._-])[\w.~'!()*-]+", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+-]+", re.ASCII)
_EXPRESSION = re.compile(r"[A-Za-z0-9.+() -]+", re.ASCII)
_INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")
_DOS_LINE = re.compile(rb"#![^\n]+\r\n")
_DOS_LINE_MAX = 2048
"""Longest first line of a script, in bytes, whose end npm's client repairs."""


@dataclasses.dataclass(frozen=True)
class NpmPackage:
    """A package.

    Attributes:
        path: its file.
        name: its name, with its scope.
        version: its version.
        architecture: `aarch64`, `x86_64`, or ANY.
        licence: an SPDX expression, or empty if it has none.
        programs: name of each program to its path in the package.
        dependencies: directory of the package and of each one bundled with it, relative to the package, with a final
            `/` or empty, to the names of its dependencies.
        left_out: names of members of the archive that npm's client does not unpack, such as links.
        scripts: directory of the package or of one bundled with it, and name of each script that npm's client runs to
            install it. The packer does not run them.
    """

    path: str
    name: str
    version: str
    architecture: str
    licence: str
    programs: Mapping[str, str]
    dependencies: Mapping[str, tuple[str, ...]]
    left_out: tuple[str, ...]
    scripts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version} (npm, {self.architecture})"


def read(path: str, tar_path: str) -> NpmPackage:
    """Read a package's description.

    Args:
        path: the archive.
        tar_path: output: the uncompressed archive.

    Raises:
        PackageError: it is not a package, damaged, or for other systems than Linux with glibc.
    """
    archive.uncompress(path, tar_path)
    contents = archive.read(tar_path, path)
    if _DESCRIPTION not in contents.files:
        raise PackageError(f"is not an npm package: it has no {_DESCRIPTION}", where=path)
    descriptions = {
        directory: _description(file.content, f"{path}: {name}")
        for name, file in contents.files.items()
        if (directory := dependencies.directory(name)) is not None
    }
    description = descriptions[""]
    name, version = description.get("name"), description.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower() == "node_modules":
        raise PackageError(f"has a bad name {name!r}", where=path)
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise PackageError(f"has a bad version {version!r}", where=path)
    licence = description.get("license")
    return NpmPackage(
        path=path,
        name=name,
        version=version,
        architecture=platforms.architecture(description, path),
        licence=licence if isinstance(licence, str) and _EXPRESSION.fullmatch(licence) else "",
        programs=programs.find(name, description, contents.files, path),
        dependencies={directory: dependencies.names(found) for directory, found in descriptions.items()},
        left_out=contents.left_out,
        scripts=tuple(
            f"{directory}{script}" for directory, found in descriptions.items() for script in _install_scripts(found)
        ),
    )


def unpack(package: NpmPackage, tar_path: str) -> list[Entry]:
    """Return the entries of a package.

    Args:
        package: the package.
        tar_path: the output of `read`; the entries' content stays there.

    Returns:
        The entries, owned by root: its files, and a link to each program.

    Raises:
        PackageError, PathError, TreeError: the archive is damaged or contains something that no image may contain.
    """
    directory, origin = f"{LIBRARY}/{package.name}", str(package)
    places = set(package.programs.values())
    entries: list[Entry] = []
    for name, file in archive.read(tar_path, package.path).files.items():
        is_program = name in places
        entries.append(
            Entry(
                path=f"{directory}/{name}",
                kind=Kind.FILE,
                mode=0o755 if is_program or file.is_executable else 0o644,
                content=_with_unix_line(file.content) if is_program else file.content,
                origin=origin,
            )
        )
    for name, place in package.programs.items():
        target = os.path.relpath(f"{directory}/{place}", PROGRAMS)
        entries.append(
            Entry(path=f"{PROGRAMS}/{name}", kind=Kind.SYMLINK, mode=0o777, target=target, origin=origin),
        )
    return entries


def _description(source: Region, where: str) -> dict[str, Any]:
    if source.size > _DESCRIPTION_MAX:
        raise PackageError(f"has more than {_DESCRIPTION_MAX} bytes", where=where)
    try:
        value: object = json.loads(content.read(source))
    except (ValueError, RecursionError) as error:
        raise PackageError(f"is not JSON: {error}", where=where) from None
    if not isinstance(value, dict):
        raise PackageError("is not an object", where=where)
    return cast(dict[str, Any], value)


def _install_scripts(description: Mapping[str, object]) -> Sequence[str]:
    scripts = description.get("scripts")
    return [name for name in _INSTALL_SCRIPTS if name in scripts] if isinstance(scripts, dict) else []


def _with_unix_line(source: Region) -> Content:
    """Repair the end of a script's first line: the kernel would include it in the interpreter's name."""
    with source.open() as stream:
        start = stream.read(_DOS_LINE_MAX)
    line = _DOS_LINE.match(start)
    if not line:
        return source
    return Inline(line[0][:-2] + b"\n" + content.read(source)[line.end() :])
