"""Unpack Debian packages into a tree with dpkg's result (`tarobject` in its src/main/archives.c).

- An existing directory keeps its mode and owner. A symlink to a directory counts as one.
- A path below a symlink of an earlier package is written to the symlink's target.
- Of two packages with one path, one must replace the other's files (`Replaces`).

dpkg unpacks in the order of dependencies; this module unpacks essential packages first, and then by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import links, merged_usr
from tools.packages.deb import Deb


class UnpackingError(errors.InputError):
    """Packages that cannot be in one tree."""


def order(packages: Iterable[Deb]) -> list[Deb]:
    """Return packages in the order of unpacking."""
    return sorted(packages, key=lambda package: (not package.essential, package.name))


def conflict(path: str, known: Entry, entry: Entry, names: Sequence[str]) -> UnpackingError:
    """Return the error of two packages with one path.

    Args:
        path: the path.
        known: the existing entry.
        entry: the second entry.
        names: names of the packages whose entry may be excluded.
    """
    ways = " or ".join(f"'{name}:{path}'" for name in names)
    return UnpackingError(
        f"{known.kind} of {known.origin} and {entry.kind} of {entry.origin}",
        where=path,
        fix=f"exclude one of them (`exclude`: {ways}), or exclude a package (`exclude` of its Debian request)",
    )


class Unpacker:
    """Add packages to a tree, one after another."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        # Packages that contain a path, by the path in the package. A directory may have several.
        self._owners: dict[str, list[Deb]] = {}

    def add(self, package: Deb, entries: Sequence[Entry]) -> list[Entry]:
        """Add a package.

        Args:
            package: the package.
            entries: its entries, each path once.

        Returns:
            The package's entries in the tree, with their paths there.

        Raises:
            UnpackingError, TreeError: it conflicts with an earlier package.
        """
        # dpkg creates symlinks at the end: no entry of the package itself is below them.
        later = [entry for entry in entries if entry.kind is Kind.SYMLINK]
        added: list[Entry] = []
        for entry in [*(entry for entry in entries if entry.kind is not Kind.SYMLINK), *later]:
            placed = dataclasses.replace(entry, path=self._place(entry, entry.path))
            if entry.kind is Kind.HARDLINK:
                placed = dataclasses.replace(placed, target=self._place(entry, entry.target))
            if self._put(package, placed):
                added.append(placed)
        merged_usr.add_symlinks(self._tree)
        return added

    def _place(self, entry: Entry, path: str) -> str:
        """Return the real location of a path: a directory on the way may be a symlink."""
        above = [known for name in paths.ancestors(path) if (known := self._tree.get(name))]
        link = next((known for known in above if known.kind is Kind.SYMLINK), None)
        if link is None:
            return path
        found = links.follow(self._tree, paths.parent(path))
        if found is None or (found and not _is_directory(self._tree.get(found))):
            raise UnpackingError(
                f"is below {link.path}, a symlink of {link.origin} to {link.target}, which is not a directory",
                where=f"{entry.origin}: {path}",
                fix="exclude one of them, or add the package that has the directory",
            )
        return f"{found}/{path.rpartition('/')[2]}".lstrip("/")

    def _put(self, package: Deb, entry: Entry) -> bool:
        known = self._tree.get(entry.path)
        owners = [owner for owner in self._owners.get(entry.path, []) if owner is not package]
        if known is None or (known.kind is Kind.DIRECTORY and not owners):
            # A directory without an owner is implied: no package has described it yet.
            self._tree.add(entry)
        elif self._is_directory_already(known, entry):
            self._owners[entry.path] = [*owners, package]
            return False
        elif not self._replaces(package, owners, known, entry):
            return False
        else:
            self._tree.add(entry, replace=True)
            owners = []
        self._owners[entry.path] = [*owners, package]
        return True

    def _is_directory_already(self, known: Entry, entry: Entry) -> bool:
        if entry.kind is Kind.DIRECTORY:
            found = links.follow(self._tree, entry.path)
            return found == "" or (found is not None and _is_directory(self._tree.get(found)))
        if entry.kind is not Kind.SYMLINK:
            return False
        if known.kind is Kind.DIRECTORY:
            return True
        found = links.follow(self._tree, known.path)
        return bool(found) and _is_directory(self._tree.get(found)) and found == self._target(entry)

    def _target(self, link: Entry) -> str | None:
        directory = "" if link.target.startswith("/") else paths.parent(link.path)
        return links.follow(self._tree, f"{directory}/{link.target}")

    def _replaces(self, package: Deb, owners: Sequence[Deb], known: Entry, entry: Entry) -> bool:
        """Return whether an entry replaces the packages' existing ones; otherwise those stay."""
        replaces = True
        for owner in owners:
            if package.may_replace(owner):
                continue
            if not owner.may_replace(package):
                raise conflict(entry.path, known, entry, [owner.name, package.name])
            replaces = False
        if not owners:
            raise UnpackingError(
                f"exists as a {known.kind} and as a {entry.kind}: /bin, /lib and the like are links to those "
                "below /usr",
                where=f"{package}: {entry.path}",
                fix=f"exclude it ('{package.name}:{entry.path}'), and add the wanted entry by a filesystem_spec",
            )
        return replaces


def _is_directory(entry: Entry | None) -> bool:
    return entry is not None and entry.kind is Kind.DIRECTORY
