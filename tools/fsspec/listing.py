"""A tree as text, for readers and for comparisons in tests."""

from __future__ import annotations

from collections.abc import Iterable

from tools.fsspec import paths
from tools.fsspec.tree import Entry, Kind

_LETTERS = {
    Kind.FILE: "-",
    Kind.DIRECTORY: "d",
    Kind.SYMLINK: "l",
    Kind.HARDLINK: "h",
    Kind.CHAR: "c",
    Kind.BLOCK: "b",
    Kind.FIFO: "p",
}


def render(entries: Iterable[Entry]) -> str:
    """Return one line for each entry: type, mode, owner, path, target or device numbers, origin."""
    return "".join(_line(entry) + "\n" for entry in entries)


def _line(entry: Entry) -> str:
    line = f"{_LETTERS[entry.kind]}{entry.mode:04o} {entry.uid}:{entry.gid} /{paths.shown(entry.path)}"
    if entry.target:
        line += f" -> {paths.shown(entry.target)}"
    if entry.kind in (Kind.CHAR, Kind.BLOCK):
        line += f" [{entry.device[0]}:{entry.device[1]}]"
    return f"{line}  # {entry.origin}" if entry.origin else line
