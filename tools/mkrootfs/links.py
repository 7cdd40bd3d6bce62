"""Follow the symlinks of a tree, and find those that lead to nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tools.fsspec.tree import Entry, Kind, Tree

_SYMLINKS_MAX = 40
"""Most symlinks that a kernel follows in one path."""

# A running guest creates the files there.
_FILLED_LATER = ("dev", "proc", "run", "sys", "tmp")


def follow(tree: Tree, path: str) -> str | None:
    """Follow symlinks inside a tree, including those of the last component.

    Args:
        tree: the tree.
        path: path from the root, with or without its `/`.

    Returns:
        The path to which it leads, or None for a loop. The root is the empty string. If a component does not exist,
        neither does the returned path.
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
    """Find the symlinks that lead to nothing, except those to files that exist only in a running guest."""
    for entry in tree:
        if entry.kind is Kind.SYMLINK:
            path = follow(tree, entry.path)
            if path is None or (path and path not in tree and path.partition("/")[0] not in _FILLED_LATER):
                yield entry
