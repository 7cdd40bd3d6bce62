"""Patterns of the packages' files that an image excludes.

`*` and `?` stand for characters other than `/`, `**` for any; `a/**` is everything below `a`, not `a` itself.
`!PATTERN` keeps files that an earlier pattern excludes: the last pattern that matches a path decides. `PACKAGE:PATTERN`
is for the files of one package: if two contain a path, it excludes that package's file.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable

from tools.cli import errors

_PACKAGE = r"(?:@[^/:]+/)?[^/:]+"
_RULE = re.compile(rf"(?!(?:{_PACKAGE}:)?/)(?:(?P<package>{_PACKAGE}):(?=.))?(?P<glob>.+)", re.DOTALL)


class ExclusionError(errors.InputError):
    """A pattern that no file can match."""


class Exclusions:
    """Compiled patterns."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Compile the patterns.

        Raises:
            ExclusionError: one is empty or absolute.
        """
        rules = [_Rule.of(pattern) for pattern in patterns]
        # One regular expression for neighbours: an image has hundreds of patterns, and thousands of files.
        groups = itertools.groupby(reversed(rules), lambda rule: (rule.package, rule.excluded))
        self._rules = [
            _Rule(package, re.compile("|".join(rule.glob.pattern for rule in group)), excluded)
            for (package, excluded), group in groups
        ]

    def __contains__(self, path: str) -> bool:
        """Whether a path of any package is excluded."""
        return self.excludes("", path)

    def excludes(self, package: str, path: str) -> bool:
        """Whether a path of a package is excluded."""
        for rule in self._rules:
            if rule.package in ("", package) and rule.glob.fullmatch(path):
                return rule.excluded
        return False


@dataclasses.dataclass(frozen=True)
class _Rule:
    package: str
    glob: re.Pattern[str]
    excluded: bool

    @classmethod
    def of(cls, pattern: str) -> _Rule:
        match = _RULE.fullmatch(pattern.removeprefix("!"))
        if not match:
            raise ExclusionError("is an empty or absolute pattern", where=repr(pattern), fix="correct `exclude`")
        return cls(match["package"] or "", translate(match["glob"]), not pattern.startswith("!"))


def translate(glob: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    special = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(special.get(part, re.escape(part)) for part in parts))
