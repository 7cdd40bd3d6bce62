"""Find the packages that an npm package and those bundled with it depend on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import cast

# `node_modules/NAME`, and others below it.
_BUNDLED = re.compile(r"(?P<directory>(?:node_modules/(?:@[^/]+/)?[^/@][^/]*/)*)package\.json")


def directory(path: str) -> str | None:
    """Return the directory of a package whose package.json is at `path`, empty or with a final `/`, or None."""
    match = _BUNDLED.fullmatch(path)
    return match["directory"] if match else None


def names(description: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the packages without which a package does not work."""
    wanted = {*_keys(description, "dependencies"), *_keys(description, "peerDependencies")}
    optional = set(_keys(description, "optionalDependencies"))
    marks = description.get("peerDependenciesMeta")
    for name, mark in cast(dict[str, object], marks).items() if isinstance(marks, dict) else ():
        if isinstance(mark, dict) and cast(dict[str, object], mark).get("optional"):
            optional.add(name)
    return tuple(sorted(wanted - optional))


def missing(
    package: str, wanted: Mapping[str, Collection[str]], exists: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Find the packages that Node.js will look for in vain.

    Args:
        package: directory of the package in the image.
        wanted: directory in the package, as of `directory`, to the names of the packages that are needed there.
        exists: says whether the image has a path.

    Yields:
        Path of a package.json in the image, and name of a package that it needs.
    """
    for below, needed in wanted.items():
        path = f"{package}/{below}package.json"
        if not exists(path):
            # It is excluded from the image.
            continue
        places = list(_places(f"{package}/{below}".rstrip("/")))
        for name in needed:
            if not any(exists(f"{place}/{name}") for place in places):
                yield path, name


def _keys(description: Mapping[str, object], field: str) -> Collection[str]:
    value = description.get(field)
    return cast(dict[str, object], value).keys() if isinstance(value, dict) else ()


def _places(path: str) -> Iterator[str]:
    """Yield the directories where Node.js looks for packages from a directory on, the nearest first."""
    parts = path.split("/")
    for depth in range(len(parts), -1, -1):
        if depth == 0 or parts[depth - 1] != "node_modules":
            yield "/".join([*parts[:depth], "node_modules"])
