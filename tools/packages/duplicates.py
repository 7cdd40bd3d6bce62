"""Decide which of several members with one path counts, as dpkg does while it unpacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tools.fsspec.tree import Entry, Kind
from tools.packages.tarball import PackageError


def drop(entries: Iterable[Entry], where: str) -> list[Entry]:
    """Drop members that other members overwrite.

    An existing directory stays, and wins over a symlink. Among other members the later one wins, but a symlink wins
    over a file: dpkg creates symlinks at the end.

    Args:
        entries: the members in the archive's order.
        where: the package, for errors.

    Raises:
        PackageError: a directory has the path of a file.
    """
    kept: dict[str, Entry] = {}
    links: dict[str, list[str]] = {}
    for entry in entries:
        known = kept.get(entry.path)
        if known is None or _is_overwritten(known, entry, where):
            if known is not None:
                _keep_links(kept, links.pop(entry.path, []), known)
                # Behind its possible targets as a hard link.
                del kept[entry.path]
            kept[entry.path] = entry
            if entry.kind is Kind.HARDLINK:
                links.setdefault(entry.target, []).append(entry.path)
    return list(kept.values())


def _is_overwritten(known: Entry, entry: Entry, where: str) -> bool:
    if known.kind is Kind.DIRECTORY:
        return entry.kind not in (Kind.DIRECTORY, Kind.SYMLINK)
    if known.kind is Kind.SYMLINK:
        return entry.kind in (Kind.DIRECTORY, Kind.SYMLINK)
    if entry.kind is Kind.DIRECTORY:
        raise PackageError(f"has {entry.path!r} both as a {known.kind} and as a directory", where=where)
    return True


def _keep_links(kept: dict[str, Entry], names: list[str], file: Entry) -> None:
    """Turn the first hard link to an overwritten file into the file, and the others into links to it."""
    names = [name for name in names if name in kept and kept[name].target == file.path]
    for number, name in enumerate(names):
        kept[name] = (
            dataclasses.replace(kept[name], target=names[0]) if number else dataclasses.replace(file, path=name)
        )
