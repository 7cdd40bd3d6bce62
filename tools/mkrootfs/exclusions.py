"""Says which of the packages' files an image leaves out, and why.

    {"version": 1, "rules": [
      {"exclude": "usr/share/doc/**", "reason": "nobody reads it in a sandbox"},
      {"keep": "usr/share/doc/*/copyright", "reason": "licences go with the software"}
    ]}

The last rule that matches a path decides. `*` and `?` stand for characters other than `/`, `**` for
any; `a/**` is everything below `a`, not `a` itself. `PACKAGE:PATTERN` is for the files of one package: where two
have a path, it says which one's is left out.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import TypeGuard, cast

from tools.cli import errors

_VERSION = 1
_OF_PACKAGE = re.compile(r"(?P<package>(?:@[^/:]+/)?[^/:]+):(?P<glob>.+)", re.DOTALL)


class ExclusionError(errors.InputError):
    """A file of rules that is malformed."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        glob: pattern of paths relative to the root, behind the name of the package that it is for, if it is for one.
        excluded: whether the paths are left out, or kept.
    """

    glob: str
    excluded: bool = True


class Exclusions:
    """Rules, ready to be asked."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [_Compiled.of(rule) for rule in rules]
        self._rules.reverse()

    def __contains__(self, path: str) -> bool:
        """Whether a path is left out, of whatever package it is."""
        return self.leaves_out("", path)

    def leaves_out(self, package: str, path: str) -> bool:
        """Whether a path of a package is left out."""
        for rule in self._rules:
            if rule.package in ("", package) and rule.glob.fullmatch(path):
                return rule.excluded
        return False


@dataclasses.dataclass(frozen=True)
class _Compiled:
    package: str
    glob: re.Pattern[str]
    excluded: bool

    @classmethod
    def of(cls, rule: Rule) -> _Compiled:
        match = _OF_PACKAGE.fullmatch(rule.glob)
        package, glob = (match["package"], match["glob"]) if match else ("", rule.glob)
        return cls(package, translate(glob), rule.excluded)


def translate(glob: str) -> re.Pattern[str]:
    """Returns the regular expression of a pattern."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    special = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(special.get(part, re.escape(part)) for part in parts))


def load(path: str) -> Sequence[Rule]:
    """Reads a file of rules.

    Raises:
        ExclusionError: it is malformed; the message names the rule.
    """
    try:
        value: object = json.loads(pathlib.Path(path).read_text("utf-8"))
    except ValueError as error:
        raise ExclusionError(f"is no JSON: {error}", where=path) from None
    if not _is_object(value) or set(value) != {"version", "rules"}:
        raise ExclusionError("is no object of `version` and `rules`", where=path)
    rules = value["rules"]
    if value["version"] != _VERSION or not isinstance(rules, list):
        raise ExclusionError(f"is not of version {_VERSION} with a list of rules", where=path)
    return [_rule(rule, f"{path}: rule {number}") for number, rule in enumerate(cast(list[object], rules))]


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _rule(value: object, where: str) -> Rule:
    if not _is_object(value) or set(value) not in ({"exclude", "reason"}, {"keep", "reason"}):
        raise ExclusionError("has not one of `exclude` and `keep`, and a `reason`", where=where)
    glob = value.get("exclude") or value.get("keep")
    texts = (glob, value["reason"])
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ExclusionError("has an empty pattern or reason", where=where)
    if re.match("(?:[^/]*:)?/", str(glob)):
        raise ExclusionError(f"has an absolute pattern {glob!r}: drop the first /", where=where)
    return Rule(str(glob), "exclude" in value)
