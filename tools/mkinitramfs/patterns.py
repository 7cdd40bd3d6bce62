"""Match names with the patterns of aliases, as kmod does: fnmatch(3) of the C library, without flags.

Python's own fnmatch knows neither `[^…]` nor escapes.
"""

from __future__ import annotations

import dataclasses
import re

_LITERAL = re.compile(r"[^*?\[\\]*")
# A bracket expression that ends; `]` may be its first character.
_BRACKETS = re.compile(r"\[[!^]?\]?[^\]]*\]|[^\[]+|\[")


@dataclasses.dataclass(frozen=True)
class _One:
    """Take one character: one of the ranges, or none of them."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    def takes(self, char: str) -> bool:
        return any(low <= char <= high for low, high in self.ranges) != self.negated


_ANY = _One((), negated=True)
_NOTHING = _One(())


def normalise(pattern: str) -> str:
    """Spell a pattern with underscores, as the kernel's names of modules; ranges such as `[0-9]` keep their dash."""
    parts = _BRACKETS.findall(pattern)
    return "".join(part if part[0] == "[" and len(part) > 1 else part.replace("-", "_") for part in parts)


def matches(pattern: str, name: str) -> bool:
    """Return whether a whole name matches, in no more steps than the product of the lengths."""
    start = _LITERAL.match(pattern)
    prefix = start[0] if start else ""
    # Nearly every alias ends here.
    if not name.startswith(prefix):
        return False
    tokens = _tokens(pattern[len(prefix) :])
    if tokens is None:
        return False
    at, token, star, retry = len(prefix), 0, -1, 0
    while at < len(name):
        one = tokens[token] if token < len(tokens) else _NOTHING
        if one is None:
            star, retry = token, at
            token += 1
        elif one.takes(name[at]):
            token, at = token + 1, at + 1
        elif star >= 0:
            # The last star takes one more character.
            retry += 1
            token, at = star + 1, retry
        else:
            return False
    return all(one is None for one in tokens[token:])


def _tokens(pattern: str) -> list[_One | None] | None:
    """Split a pattern, with None for each star; return None if it ends in an escape, which matches nothing."""
    tokens: list[_One | None] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            tokens.append(None)
            continue
        if char == "?":
            tokens.append(_ANY)
            continue
        if char == "[" and (found := _brackets(pattern, at)):
            one, at = found
            tokens.append(one)
            continue
        if char == "\\":
            if at == len(pattern):
                return None
            char = pattern[at]
            at += 1
        tokens.append(_One(((char, char),)))
    return tokens


def _brackets(pattern: str, at: int) -> tuple[_One, int] | None:
    """Read a bracket expression behind its `[`. Return None if it has no end: then `[` is an ordinary character."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    ranges: list[tuple[str, str]] = []
    first = True
    while at < len(pattern):
        if pattern[at] == "]" and not first:
            return _One(tuple(ranges), negated), at + 1
        first = False
        low, at = _member(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("", "]"):
            high, at = _member(pattern, at + 1)
        ranges.append((low, high))
    return None


def _member(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "\\" and at + 1 < len(pattern):
        at += 1
    return pattern[at], at + 1
