"""Read the field `Replaces` of Debian packages, and compare versions (deb-control(5), deb-version(7))."""

from __future__ import annotations

import dataclasses
import itertools
import operator
import re
from collections.abc import Callable

NAME = re.compile(r"[a-z0-9][a-z0-9+._-]*", re.ASCII)
"""A package name for dpkg, which converts it to lower case."""

VERSION = re.compile(r"(?=.{1,256}\Z)(?:\d+:)?\d[A-Za-z0-9.+~:-]*", re.ASCII)

_RELATION = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9+._-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"\s*(?:\(\s*(?P<operator><<|<=|=|>=|>>|<|>|)\s*(?P<version>[^\s()]+)\s*\))?",
    re.ASCII,
)
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "": operator.eq,
    "=": operator.eq,
    ">=": operator.ge,
    ">>": operator.gt,
    # Obsolete, with dpkg's meaning.
    "<": operator.le,
    ">": operator.ge,
}
_PARTS = re.compile(r"(\D*)(\d*)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Relation:
    """One package of the field.

    Attributes:
        name: its name.
        architecture: Debian architecture of the package, or the empty string for every one.
        operator: comparison with its version, or the empty string without a version.
        version: the version to compare with, or the empty string for every one.
    """

    name: str
    architecture: str = ""
    operator: str = ""
    version: str = ""

    def fits(self, name: str, version: str, architecture: str) -> bool:
        """Return whether a package matches."""
        if self.name != name or self.architecture not in ("", "any", architecture):
            return False
        return not self.version or _OPERATORS[self.operator](compare(version, self.version), 0)


def parse(text: str) -> tuple[Relation, ...]:
    """Parse the field's value.

    Raises:
        ValueError: it is malformed; the message has the malformed part.
    """
    result: list[Relation] = []
    for part in filter(None, map(str.strip, text.split(","))):
        match = _RELATION.fullmatch(part)
        if not match or (match["version"] and not VERSION.fullmatch(match["version"])):
            raise ValueError(part)
        relation = (match["architecture"] or "", match["operator"] or "", match["version"] or "")
        result.append(Relation(match["name"].lower(), *relation))
    return tuple(result)


def compare(one: str, other: str) -> int:
    """Compare two versions: return a number below, equal to, or above 0."""
    first, second = _split(one), _split(other)
    if first[0] != second[0]:
        return first[0] - second[0]
    return _compare(first[1], second[1]) or _compare(first[2], second[2])


def _split(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    upstream, hyphen, revision = (rest if colon else version).rpartition("-")
    return int(epoch) if colon else 0, upstream if hyphen else revision, revision if hyphen else ""


def _compare(one: str, other: str) -> int:
    """Compare piece by piece: letters by `_weight`, then digits as numbers."""
    pieces = itertools.zip_longest(_PARTS.findall(one), _PARTS.findall(other), fillvalue=("", ""))
    for (letters, digits), (other_letters, other_digits) in pieces:
        for left, right in itertools.zip_longest(letters, other_letters, fillvalue=""):
            if left != right:
                return _weight(left) - _weight(right)
        if difference := int(digits or 0) - int(other_digits or 0):
            return difference
    return 0


def _weight(char: str) -> int:
    """Order `~` before the end, the end before letters, and letters before other characters."""
    if char == "~":
        return -1
    if not char:
        return 0
    return ord(char) if char.isalpha() else ord(char) + 256
