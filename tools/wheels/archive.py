"""Read the zip archive of a wheel, and check each file by its RECORD."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO

from tools.cli import errors
from tools.wheels import entry_points, record
from tools.wheels.record import Row

UNPACKED_MAX = 2 * 2**30
"""Most unpacked bytes of a wheel: a bound against decompression bombs."""

OTHER = "take another version, or another build"
"""Remedy for a wheel that is complete but violates the format."""

_RENEW = "download the wheel again, or update the lock"
_INTERPRETER = entry_points.INTERPRETER.encode()
_TEXT_MAX = 16 * 2**20
"""Most bytes of a file that describes the wheel."""
_BLOCK = 2**20
# Errors of reads of a damaged archive.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class WheelError(errors.InputError):
    """Report a file that is damaged, or not a wheel for guests."""

    def __init__(self, what: str, *, where: str = "", fix: str = _RENEW) -> None:
        super().__init__(what, where=where, fix=fix)


class Archive:
    """The zip archive of a wheel.

    Attributes:
        members: its files by canonical name, in the archive's order.
        unrecorded: names of the files that RECORD does not describe: itself and its signatures.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise
        except _DAMAGES as error:
            raise WheelError(f"is not a wheel: {error}", where=path) from None
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            name = record.canonical(member.filename)
            if member.filename.endswith(("/", "\\")):
                continue
            if name in self.members:
                raise WheelError(f"contains its file {name!r} twice", where=path)
            self.members[name] = member
        self._info = self._info_directory()
        self.unrecorded = {f"{self._info}/RECORD{suffix}" for suffix in ("", ".jws", ".p7s")}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _info_directory(self) -> str:
        tops = {name.partition("/")[0] for name in self.members if "/" in name}
        found = sorted(top for top in tops if top.endswith(".dist-info"))
        if len(found) != 1:
            raise WheelError(f"has {len(found)} directories .dist-info, not one", where=self._path)
        return found[0]

    def text(self, name: str, problems: str = "replace") -> str:
        """Return a text of the directory .dist-info.

        Args:
            name: name of the file there.
            problems: handling of bytes that are not UTF-8, as in `bytes.decode`.
        """
        member = self.members.get(f"{self._info}/{name}")
        if member is None:
            raise WheelError(f"has no file '{self._info}/{name}'", where=self._path)
        if member.file_size > _TEXT_MAX:
            raise WheelError(f"its file {name} has more than {_TEXT_MAX} bytes", where=self._path)
        try:
            return self._zip.read(member).decode("utf-8-sig", problems)
        except UnicodeDecodeError as error:
            raise WheelError(f"its file {name} is not UTF-8: {error}", where=self._path, fix=OTHER) from None
        except _DAMAGES as error:
            raise self._damage(member, error) from None

    def rows(self) -> dict[str, Row]:
        """Return the rows of RECORD, except those of the files that it need not describe."""
        try:
            rows = record.parse(self.text("RECORD", "strict"))
        except record.RecordError as error:
            raise WheelError(str(error), where=self._path, fix=OTHER) from None
        return {name: row for name, row in rows.items() if name not in self.unrecorded}

    def launchers(self) -> dict[str, str]:
        """Return the launcher of each program that entry_points.txt defines."""
        if f"{self._info}/entry_points.txt" not in self.members:
            return {}
        try:
            return entry_points.launchers(self.text("entry_points.txt", "strict"))
        except entry_points.EntryPointError as error:
            raise WheelError(str(error), where=self._path, fix=OTHER) from None

    def copy(self, member: zipfile.ZipInfo, row: Row | None, target: IO[bytes], *, is_script: bool) -> bool:
        """Write a file to `target`, and return whether it matches its row.

        Args:
            member: the file.
            row: its row in RECORD, if it has one.
            target: file to write to.
            is_script: whether it is a program, whose first line may request the interpreter of the image.
        """
        if target.tell() + member.file_size > UNPACKED_MAX:
            raise WheelError(f"has more than {UNPACKED_MAX} bytes", where=self._path)
        check = record.Check(row or Row())
        for number, data in enumerate(self._pieces(member, by_line=is_script)):
            check.update(data)
            is_first = is_script and number == 0
            target.write(_INTERPRETER if is_first and data.startswith(b"#!python") else data)
        return check.matches()

    def _pieces(self, member: zipfile.ZipInfo, *, by_line: bool) -> Iterator[bytes]:
        """Yield the content of a file in pieces; with `by_line`, the first piece is its first line."""
        try:
            with self._zip.open(member) as source:
                if by_line:
                    yield source.readline(_BLOCK)
                while data := source.read(_BLOCK):
                    yield data
        except _DAMAGES as error:
            raise self._damage(member, error) from None

    def check_left(self, rows: Mapping[str, Row]) -> None:
        """Reject rows of files that the archive does not contain.

        Rows of directories and of modules that an installer compiles are allowed.
        """
        for name, row in rows.items():
            parts = name.split("/")
            is_compiled = "__pycache__" in parts[:-1] and not row.algorithm
            is_directory = any(other.startswith(f"{name}/") for other in self.members)
            if not is_compiled and not is_directory:
                raise WheelError(f"has no file {name!r}, which is in its RECORD", where=self._path)

    def _damage(self, member: zipfile.ZipInfo, error: Exception) -> WheelError:
        return WheelError(f"its file {member.filename!r} cannot be unpacked: {error}", where=self._path)
