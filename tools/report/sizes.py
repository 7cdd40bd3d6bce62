"""Sizes of the parts of a disk, by package and by directory, and how they differ from an earlier disk."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

from tools.mkdist.inventory import File, Inventory
from tools.page.treemap import Tile

OWN = "(image)"
"""Name in place of a package for files that belong to none: of the project, or written by the build."""

# Levels of directories in a treemap.
_DEPTH = 4

# Components of the directories whose growth is listed.
_LISTED = 3


@dataclasses.dataclass(frozen=True)
class Change:
    """A part whose size differs.

    Attributes:
        name: its name.
        before: its bytes in the earlier disk, 0 if it was not there.
        after: its bytes now, 0 if it is gone.
    """

    name: str
    before: int
    after: int


def packages(files: Sequence[File]) -> dict[str, int]:
    """Return the bytes of each package."""
    return _sums((file.package or OWN, file.size) for file in files)


def directories(files: Sequence[File]) -> dict[str, int]:
    """Return the bytes of each directory down to some levels; deeper files count for the last of these."""
    return _sums(("/".join(file.path.split("/")[:-1][:_LISTED]) or "/", file.size) for file in files)


def changes(before: Mapping[str, int], after: Mapping[str, int], also: Collection[str] = ()) -> list[Change]:
    """Return the parts whose sizes differ, or that only one disk has, the largest difference first.

    Args:
        before: bytes of each part of the earlier disk.
        after: bytes of each part now.
        also: parts that changed in another way.
    """
    different = {name for name, _ in before.items() ^ after.items()} | set(also)
    found = [Change(name, before.get(name, 0), after.get(name, 0)) for name in different]
    return sorted(found, key=lambda change: (-abs(change.after - change.before), change.name))


def by_package(disk: Inventory, earlier: Inventory | None) -> list[Tile]:
    """Return a tile for each package, with its directories."""
    groups, old = _groups(disk.files), _groups(earlier.files) if earlier else None
    tiles: list[Tile] = []
    for package, sizes in groups.items():
        known = None if old is None else old.get(package, {})
        parts = [
            Tile(name, size, before=None if known is None else known.get(name, 0), label=name.rpartition("/")[2])
            for name, size in sizes.items()
        ]
        name = f"{package} {disk.versions.get(package, '')}".rstrip()
        tiles.append(Tile(name, sum(sizes.values()), parts, None if known is None else sum(known.values())))
    return tiles


def by_directory(disk: Inventory, earlier: Inventory | None) -> list[Tile]:
    """Return a tile for each directory at the top, with the directories and files in it."""
    now = {file.path: file.size for file in disk.files}
    old = None if earlier is None else {file.path: file.size for file in earlier.files}
    return _level("", now, old, 1)


def _level(above: str, now: Mapping[str, int], old: Mapping[str, int] | None, depth: int) -> list[Tile]:
    """Return the tiles of a directory.

    Args:
        above: path of the directory, with a slash at the end; empty for the root.
        now: size of each file, by its path in the directory.
        old: the same of the earlier disk.
        depth: level of the directory.
    """
    groups, known = _split(now), None if old is None else _split(old)
    tiles: list[Tile] = []
    for name, files in groups.items():
        before = None if known is None else known.get(name, {})
        inner = {path: size for path, size in files.items() if path}
        parts: list[Tile] = []
        if inner and depth < _DEPTH:
            parts = _level(f"{above}{name}/", inner, before, depth + 1)
        tiles.append(
            Tile(
                f"{above}{name}{'/' if inner else ''}",
                sum(files.values()),
                parts,
                None if before is None else sum(before.values()),
                label=name,
            )
        )
    return tiles


def _split(files: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Group files by the first component of their paths; the rest is the path in the group, empty for a file."""
    groups: dict[str, dict[str, int]] = collections.defaultdict(dict)
    for path, size in files.items():
        first, _, rest = path.partition("/")
        if first:
            groups[first][rest] = size
    return groups


def _groups(files: Sequence[File]) -> dict[str, dict[str, int]]:
    """Return the bytes of each directory of each package."""
    groups: dict[str, dict[str, int]] = collections.defaultdict(lambda: collections.defaultdict(int))
    for file in files:
        groups[file.package or OWN][file.path.rpartition("/")[0] or "/"] += file.size
    return groups


def _sums(items: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = collections.defaultdict(int)
    for name, size in items:
        sums[name] += size
    return sums
