"""Find the programs of an npm package in the fields `bin` and `directories.bin` of its package.json."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from typing import cast

from tools.packages.tarball import PackageError


def find(name: str, description: Mapping[str, object], files: Collection[str], where: str) -> dict[str, str]:
    """Return the path in the package of each program, by the program's name.

    Args:
        name: name of the package.
        description: its package.json.
        files: paths of its files.
        where: the package, for errors.

    Raises:
        PackageError: a program's path is malformed, or not a file of the package.
    """
    programs: dict[str, str] = {}
    for key, value in _declared(name, description, files).items():
        program = posixpath.basename(_path(key.replace(":", "/")))
        if not isinstance(value, str):
            raise PackageError(f"has a bad program {key!r}: {value!r}", where=where, fix="take another version")
        path = _path(value)
        if program and path:
            programs[program] = _existing(path, files, where)
    return programs


def _declared(name: str, description: Mapping[str, object], files: Collection[str]) -> Mapping[str, object]:
    declared = description.get("bin")
    if isinstance(declared, str) and declared:
        return {name: declared}
    if isinstance(declared, list):
        paths = [path for path in cast(list[object], declared) if isinstance(path, str)]
        return {posixpath.basename(path): path for path in paths}
    if isinstance(declared, dict):
        return cast(dict[str, object], declared)
    directories = description.get("directories")
    directory = cast(dict[str, object], directories).get("bin") if isinstance(directories, dict) else None
    if declared or not isinstance(directory, str):
        return {}
    prefix = f"{_path(directory)}/".lstrip("/")
    below = sorted(path for path in files if path.startswith(prefix) and "/." not in f"/{path.removeprefix(prefix)}")
    return {posixpath.basename(path): path for path in below}


def _path(text: str) -> str:
    """Return a path relative to the package. Like npm's client, this ignores `..` above the package."""
    return posixpath.normpath("/" + text.replace("\\", "/")).lstrip("/")


def _existing(path: str, files: Collection[str], where: str) -> str:
    # A path without extension names a module, as in `require`.
    found = next((candidate for candidate in (path, f"{path}.js") if candidate in files), None)
    if found is None:
        raise PackageError(
            f"has no {path!r}, which is its program", where=where, fix="take a version that contains the program"
        )
    return found
