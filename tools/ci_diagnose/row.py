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
        cause: its explanation; may use the pattern's groups in braces.
        step: the next step; likewise.
        words: every line that the pattern matches contains one of them: a log without them is not searched. Empty: any
            line.
        explain: computes further values for `cause` and `step` from the pattern's groups and the following lines.
        details: selects following lines to show.
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
    """Create a row from its pattern's text."""
    return Cause(name, re.compile(pattern), cause, step, words, explain, details)
