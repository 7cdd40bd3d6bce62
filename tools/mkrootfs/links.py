"""Follow the symlinks of a tree, and find those that lead to nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tools.fsspec.tree import Entry, Kind, Tree

_SYMLINKS_MAX = 40
"""Symlinks that a kernel follows in one path."""

# What is there is made when the guest runs.
_FILLED_LATER = ("dev", "proc", "run", "sys", "tmp")


def follow(tree: Tree, path: str) -> str | None:
    """Follow symlinks inside a tree, those of its last component too.

    Args:
        tree: the tree.
        path: from the root on, with or without its `/`.

    Returns:
        The path that it leads to, or None where links go round in circles. The root is the empty string. Where
        something on the way does not exist, neither does that path.
    """
    left = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    at: list[str] = []
    followed = 0
    while left:
        part = left.pop()
        if part == "..":
            at = at[:-1]
            continue
        entry = tree.get("/".join([*at, part]))
        if entry is None or (entry.kind not in (Kind.DIRECTORY, Kind.SYMLINK) and left):
            return "/".join([*at, part, *reversed(left)])
        if entry.kind is not Kind.SYMLINK:
            at.append(part)
            continue
        followed += 1
        if followed > _SYMLINKS_MAX:
            return None
        if entry.target.startswith("/"):
            at = []
        left += [part for part in reversed(entry.target.split("/")) if part not in ("", ".")]
    return "/".join(at)


def dangling(tree: Tree) -> Iterator[Entry]:
    """Find the symlinks that lead to nothing; those to what exists in a running guest alone are left out."""
    for entry in tree:
        if entry.kind is Kind.SYMLINK:
            path = follow(tree, entry.path)
            if path is None or (path and path not in tree and path.partition("/")[0] not in _FILLED_LATER):
                yield entry
