"""Find the dependencies of an npm package and of those bundled with it."""

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
    """Return the names of a package's mandatory dependencies."""
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
    """Find the packages that Node.js will not find.

    Args:
        package: directory of the package in the image.
        wanted: directory in the package, as returned by `directory`, to the names of its dependencies.
        exists: returns whether the image has a path.

    Yields:
        Path of a package.json in the image, and name of a missing dependency.
    """
    for below, needed in wanted.items():
        path = f"{package}/{below}package.json"
        if not exists(path):
            # The image excludes it.
            continue
        places = list(_places(f"{package}/{below}".rstrip("/")))
        for name in needed:
            if not any(exists(f"{place}/{name}") for place in places):
                yield path, name


def _keys(description: Mapping[str, object], field: str) -> Collection[str]:
    value = description.get(field)
    return cast(dict[str, object], value).keys() if isinstance(value, dict) else ()


def _places(path: str) -> Iterator[str]:
    """Yield the directories in which Node.js looks for packages, starting from a directory, the nearest first."""
    parts = path.split("/")
    for depth in range(len(parts), -1, -1):
        if depth == 0 or parts[depth - 1] != "node_modules":
            yield "/".join([*parts[:depth], "node_modules"])
