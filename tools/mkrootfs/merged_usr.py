"""Move packages' files in /bin, /sbin and /lib* below /usr, to which those names point.

A directory and a symlink of the same name exclude each other: an unpacked package with files below /lib would replace
the symlink, and hide half of the system.
"""

from __future__ import annotations

import dataclasses
import posixpath

from tools.cli import errors
from tools.fsspec.tree import Entry, Kind, Tree

DIRECTORIES = ("bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin")
"""Names in the root that are symlinks into /usr (Debian policy 9.1.1, base-files)."""

_ORIGIN = "merged /usr"


class MergedUsrError(errors.InputError):
    """A package with another entry in the place of such a symlink."""


def rewrite(entry: Entry) -> Entry | None:
    """Return an entry for a merged tree, or None for the directory or symlink itself.

    Raises:
        MergedUsrError: the entry is neither a directory nor the expected symlink.
    """
    top, _, rest = entry.path.partition("/")
    if top in DIRECTORIES and not rest:
        if entry.kind is Kind.DIRECTORY:
            return None
        there = _lexical(entry) if entry.kind is Kind.SYMLINK else ""
        if there == f"usr/{top}":
            return None
        if there.partition("/")[0] == "usr" and there.removeprefix("usr/") in DIRECTORIES:
            # Such as /lib64 -> lib.
            return dataclasses.replace(entry, path=f"usr/{top}", target=there.removeprefix("usr/"))
        to = f" to {entry.target}" if entry.target else ""
        raise MergedUsrError(f"has /{top} as a {entry.kind}{to} instead of a symlink to usr/{top}", where=entry.origin)
    path = moved(entry.path)
    target = entry.target
    if entry.kind is Kind.HARDLINK:
        target = moved(target)
    elif entry.kind is Kind.SYMLINK and path != entry.path and not target.startswith("/"):
        # Its directory is one level deeper now: adjust the relative path.
        target = posixpath.relpath(_lexical(entry), posixpath.dirname(path))
    if (path, target) == (entry.path, entry.target):
        return entry
    return dataclasses.replace(entry, path=path, target=target)


def is_compatibility_link(entry: Entry) -> bool:
    """Return whether a package's entry is a link between two places that are merged, such as /lib/x -> /usr/lib/x."""
    return (
        entry.kind is Kind.SYMLINK
        and _lexical(entry) == moved(entry.path)
        and _absolute(entry).lstrip("/") != entry.path
    )


def _absolute(link: Entry) -> str:
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(link.path), link.target))


def _lexical(link: Entry) -> str:
    """Return the place in the merged tree to which a symlink leads, if no other symlink is on the way."""
    return moved(_absolute(link).lstrip("/"))


def moved(path: str) -> str:
    """Return the merged tree's path for a path of the unmerged tree."""
    return f"usr/{path}" if path.partition("/")[0] in DIRECTORIES else path


def add_symlinks(tree: Tree) -> None:
    """Add missing symlinks for those directories that the tree has below usr."""
    for name in DIRECTORIES:
        known = tree.get(name)
        if f"usr/{name}" in tree and (known is None or known.origin != _ORIGIN):
            tree.add(Entry(path=name, kind=Kind.SYMLINK, mode=0o777, target=f"usr/{name}", origin=_ORIGIN))
