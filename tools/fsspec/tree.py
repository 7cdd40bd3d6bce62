"""A filesystem tree in memory. Every packer reads it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator

from tools.cli import errors
from tools.fsspec import paths
from tools.fsspec.content import Content

ID_MAX = 2**32 - 2
"""Largest user or group id; the one above it means "no change" to chown(2)."""

MAJOR_MAX = 2**12 - 1
MINOR_MAX = 2**20 - 1
"""Largest device numbers (include/linux/kdev_t.h: 12 and 20 bits)."""

PERMISSIONS = 0o7777


class TreeError(errors.InputError):
    """Entries that cannot be in one tree."""


class Kind(enum.StrEnum):
    """Type of an entry, named as in the JSON form."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    CHAR = "char"
    BLOCK = "block"
    FIFO = "fifo"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One name of the tree.

    Attributes:
        path: normal path relative to the root, see `paths.check`.
        kind: type of the entry.
        mode: permission bits, 0 to 0o7777. A symlink's is 0o777; a hard link's is its target's.
        uid: number of the owner.
        gid: number of the group.
        content: bytes, of a file only.
        target: text of a symlink, or the path in this tree of the file that a hard link names.
        device: major and minor number, of a char or block device only.
        origin: its label or package, for messages.
    """

    path: str
    kind: Kind
    mode: int = 0
    uid: int = 0
    gid: int = 0
    content: Content | None = None
    target: str = ""
    device: tuple[int, int] = (0, 0)
    origin: str = ""

    def __post_init__(self) -> None:
        where = f"{self.origin}: {self.path}" if self.origin else self.path
        paths.check(self.path, self.origin)
        if not 0 <= self.mode <= PERMISSIONS:
            raise TreeError(f"mode {self.mode:#o} is outside 0 to 07777", where=where)
        for name, number in (("uid", self.uid), ("gid", self.gid)):
            if not 0 <= number <= ID_MAX:
                raise TreeError(f"{name} {number} is outside 0 to {ID_MAX}", where=where)
        if (self.content is not None) != (self.kind is Kind.FILE):
            raise TreeError(f"a {self.kind} with{'' if self.content else 'out'} content", where=where)
        if self.kind is Kind.SYMLINK:
            paths.check_target(self.target, where)
        elif self.kind is Kind.HARDLINK:
            paths.check(self.target, where)
        elif self.target:
            raise TreeError(f"a {self.kind} with a target", where=where)
        if self.kind in (Kind.CHAR, Kind.BLOCK):
            major, minor = self.device
            if not (0 <= major <= MAJOR_MAX and 0 <= minor <= MINOR_MAX):
                raise TreeError(f"device numbers {major}:{minor} do not exist", where=where)
        elif self.device != (0, 0):
            raise TreeError(f"a {self.kind} with device numbers", where=where)


class Tree:
    """Entries by path. No name occurs twice, and only directories have entries below them.

    Missing directories are implied: 0755 of root. The root itself has no entry: it is always a directory 0755 of root.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._implied: set[str] = set()
        for entry in entries:
            self.add(entry)

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Iterate in the order of the paths' bytes: a directory comes before its entries."""
        return iter([self._entries[path] for path in sorted(self._entries, key=paths.encode)])

    def get(self, path: str) -> Entry | None:
        """Return the entry at a normal path, or None."""
        return self._entries.get(path)

    def add(self, entry: Entry, *, replace: bool = False) -> None:
        """Add an entry.

        Two directories at one path are the same if mode and owner are equal. Any other second entry is an error, unless
        it replaces the first one.

        Args:
            entry: the entry.
            replace: whether it replaces an existing entry, which then must exist.

        Raises:
            TreeError: it conflicts with another entry; the message names both origins.
        """
        known = self._entries.get(entry.path)
        if known is None or entry.path in self._implied:
            self._add_new(entry, known, replace)
        elif known.kind is Kind.DIRECTORY and entry.kind is Kind.DIRECTORY:
            if replace:
                self._entries[entry.path] = entry
            elif (known.mode, known.uid, known.gid) != (entry.mode, entry.uid, entry.gid):
                raise TreeError(
                    f"directory is {_attributes(known)} in {_origin(known)} and "
                    f"{_attributes(entry)} in {_origin(entry)}",
                    where=entry.path,
                    fix="make them equal, or name the path in `replaces` of the later filesystem_spec",
                )
        elif not replace:
            raise TreeError(
                f"{known.kind} of {_origin(known)} and {entry.kind} of {_origin(entry)}",
                where=entry.path,
                fix="drop one, or name the path in `replaces` of the later filesystem_spec",
            )
        elif known.kind is Kind.DIRECTORY and self._holds_something(entry.path):
            raise TreeError(
                f"{entry.kind} of {_origin(entry)} cannot replace a directory that is not empty",
                where=entry.path,
                fix=f"exclude what {_origin(known)} has below it",
            )
        else:
            self._keep_links(known)
            self._entries[entry.path] = entry

    def _keep_links(self, replaced: Entry) -> None:
        """Move a replaced file to the first of its hard links, which keep its content."""
        if replaced.kind is not Kind.FILE:
            return
        links = [other for other in self if other.kind is Kind.HARDLINK and other.target == replaced.path]
        for number, link in enumerate(links):
            self._entries[link.path] = (
                dataclasses.replace(link, target=links[0].path)
                if number
                else dataclasses.replace(replaced, path=link.path)
            )

    def _add_new(self, entry: Entry, implied: Entry | None, replace: bool) -> None:
        if replace and implied is None:
            raise TreeError(
                f"{entry.kind} of {_origin(entry)} replaces nothing",
                where=entry.path,
                fix="do not declare a replacement, or correct the path",
            )
        if implied is not None and entry.kind is not Kind.DIRECTORY:
            raise TreeError(
                f"{entry.kind} of {_origin(entry)}, and a directory of {_origin(implied)}",
                where=entry.path,
                fix="put nothing below a path that is not a directory",
            )
        for directory in paths.ancestors(entry.path):
            above = self._entries.get(directory)
            if above is None:
                self._implied.add(directory)
                self._entries[directory] = Entry(path=directory, kind=Kind.DIRECTORY, mode=0o755, origin=entry.origin)
            elif above.kind is not Kind.DIRECTORY:
                to = f" to {above.target}" if above.kind is Kind.SYMLINK else ""
                raise TreeError(
                    f"is below {directory}, which is a {above.kind}{to} of {_origin(above)}",
                    where=f"{_origin(entry)}: {entry.path}",
                    fix="move it, or make that a directory",
                )
        self._implied.discard(entry.path)
        self._entries[entry.path] = entry

    def _holds_something(self, directory: str) -> bool:
        return any(path.startswith(directory + "/") for path in self._entries)

    def finish(self) -> list[Entry]:
        """Return the entries in order, with hard links in a form that every archive supports.

        The first name of a file, in order, becomes the file. The others become links to it, with its mode and owner,
        whichever of them was the file before.

        Raises:
            TreeError: the target of a hard link is not a file of the tree.
        """
        groups: dict[str, list[str]] = {}
        for entry in self:
            if entry.kind is Kind.HARDLINK:
                groups.setdefault(self._file_of(entry).path, []).append(entry.path)
        result = dict(self._entries)
        for path, links in groups.items():
            names = sorted([path, *links], key=paths.encode)
            first = dataclasses.replace(self._entries[path], path=names[0])
            result[names[0]] = first
            for name in names[1:]:
                result[name] = dataclasses.replace(first, path=name, kind=Kind.HARDLINK, content=None, target=names[0])
        return [result[path] for path in sorted(result, key=paths.encode)]

    def _file_of(self, link: Entry) -> Entry:
        seen = {link.path}
        target = self._entries.get(link.target)
        while target is not None and target.kind is Kind.HARDLINK and target.path not in seen:
            seen.add(target.path)
            target = self._entries.get(target.target)
        if target is None or target.kind is not Kind.FILE:
            found = f"a {target.kind}" if target else "not in the tree"
            raise TreeError(
                f"hard link of {_origin(link)} names {link.target}, which is {found}",
                where=link.path,
                fix="link to a file of the same tree",
            )
        return target


def _origin(entry: Entry) -> str:
    return entry.origin or "an unnamed origin"


def _attributes(entry: Entry) -> str:
    return f"{entry.mode:04o} {entry.uid}:{entry.gid}"
