"""A row of the tables of causes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence

Explain = Callable[[dict[str, str], Sequence[str]], dict[str, str]]
Details = Callable[[Sequence[str]], Sequence[str]]


def _nothing(_: Sequence[str]) -> Sequence[str]:
    return ()


@dataclasses.dataclass(frozen=True)
class Cause:
    """A row of the table.

    Attributes:
        name: stable identifier.
        pattern: finds it in one line of a log.
        cause: what it means; may use the pattern's groups in braces.
        step: the one thing to do next; likewise.
        words: one of them is in every line that the pattern finds: a log without them is not searched. Empty: any line.
        explain: makes further values for `cause` and `step` of the pattern's groups and the lines that follow.
        details: selects from the lines that follow those to show.
    """

    name: str
    pattern: re.Pattern[str]
    cause: str
    step: str
    words: tuple[str, ...] = ()
    explain: Explain = lambda groups, _: groups
    details: Details = _nothing


def row(
    name: str,
    pattern: str,
    cause: str,
    step: str,
    *,
    words: tuple[str, ...] = (),
    explain: Explain = lambda groups, _: groups,
    details: Details = _nothing,
) -> Cause:
    """Create a row of its pattern's text."""
    return Cause(name, re.compile(pattern), cause, step, words, explain, details)
