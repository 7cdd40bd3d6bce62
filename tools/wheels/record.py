"""Read RECORD of a wheel: the digest and size of each of its files."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io

_ALGORITHMS = frozenset(
    {"blake2b", "blake2s", "sha256", "sha384", "sha3_256", "sha3_384", "sha3_512", "sha512"},
)
"""Algorithms that the format allows: SHA-256 or better. Their digests have a fixed length."""


class RecordError(ValueError):
    """Report a malformed RECORD. The text is a clause."""


def canonical(name: str) -> str:
    """Return a name in a wheel as installers understand it: with `/`, and without empty and `.` components.

    An absolute name stays absolute, and `..` stays, so that the caller can reject them.
    """
    slashed = name.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    return ("/" if slashed.startswith("/") else "") + "/".join(parts)


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of RECORD.

    Attributes:
        algorithm: name of the digest's algorithm, or empty without a digest.
        digest: the digest, encoded as in RECORD, without padding.
        size: length in bytes, or None if it is missing.
    """

    algorithm: str = ""
    digest: str = ""
    size: int | None = None


def parse(text: str) -> dict[str, Row]:
    """Return the rows of RECORD by canonical name.

    Raises:
        RecordError: it is malformed, has two digests of a file, or uses an algorithm that the format forbids.
    """
    rows: dict[str, Row] = {}
    try:
        for fields in csv.reader(io.StringIO(text, newline="")):
            if not fields:
                continue
            if len(fields) != 3 or not fields[0]:
                raise RecordError(f"has a malformed line in its RECORD: {','.join(fields)!r}")
            if fields[0].endswith(("/", "\\")):
                # A directory, which has no content.
                continue
            name = canonical(fields[0])
            row = _row(*fields[1:])
            if rows.setdefault(name, row) != row:
                raise RecordError(f"has two rows of {name!r} with different digests in its RECORD")
    except csv.Error as error:
        raise RecordError(f"has a malformed RECORD: {error}") from None
    return rows


def _row(digest: str, size: str) -> Row:
    algorithm, _, value = digest.partition("=")
    if digest and (algorithm not in _ALGORITHMS or not value):
        raise RecordError(f"has a digest {digest!r} in its RECORD, not one of sha256 or better")
    if size and not (size.isascii() and size.isdigit() and len(size) < 20):
        raise RecordError(f"has a bad size {size!r} in its RECORD")
    return Row(algorithm, value.rstrip("="), int(size) if size else None)


class Check:
    """Compare a file with its row while the file is read."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._digest = hashlib.new(row.algorithm) if row.algorithm else None
        self._size = 0

    def update(self, data: bytes) -> None:
        """Add the next bytes of the file."""
        self._size += len(data)
        if self._digest:
            self._digest.update(data)

    def matches(self) -> bool:
        """Return whether the file matches its row. A row without a digest matches no file."""
        if self._digest is None or self._row.size not in (None, self._size):
            return False
        found = base64.urlsafe_b64encode(self._digest.digest()).decode().rstrip("=")
        return found == self._row.digest
