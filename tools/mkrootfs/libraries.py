"""Check that every program of a tree finds its loader and its libraries inside the tree.

The rules are those of ld.so(8), without a cache and without environment variables: DT_RUNPATH or DT_RPATH of the file,
then the directories that are built into Debian's loader.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from tools.elfcheck.elfcheck import ElfInfo
from tools.fsspec.tree import Kind, Tree
from tools.mkrootfs import links


def missing(tree: Tree, info: Mapping[str, ElfInfo], triple: str) -> Iterator[tuple[str, str]]:
    """Find libraries that programs need and the tree lacks.

    Args:
        tree: the tree, with the symlinks of merged /usr.
        info: properties of its dynamically linked files, by path.
        triple: name of the architecture's directory of libraries.

    Yields:
        Pairs of a file's path and a library that it does not find.
    """
    directories = (f"usr/lib/{triple}", "usr/lib", "usr/lib64")
    for path in sorted(info):
        found = info[path]
        if found.interpreter and resolve(tree, found.interpreter) is None:
            yield path, found.interpreter
        if not found.needed:
            continue
        origin = posixpath.dirname(path)
        searched = [
            directory.replace("$ORIGIN", "/" + origin).replace("${ORIGIN}", "/" + origin) for directory in found.search
        ]
        for name in found.needed:
            places = [name] if "/" in name else [f"{f}/{name}" for f in (*searched, *directories)]
            if all(resolve(tree, place) is None for place in places):
                yield path, name


def resolve(tree: Tree, path: str) -> str | None:
    """Return the path of the file to which a path leads, or None; see `links.follow`."""
    found = links.follow(tree, path)
    entry = tree.get(found) if found else None
    return entry.path if entry and entry.kind in (Kind.FILE, Kind.HARDLINK) else None
