"""Budgets: what each row may take at most, and whether it does."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.rows import OWN, Comparison, Result
from tools.cli import errors

EXPONENT = "exponent"
"""Placeholder for the peer in a budget of a curve."""

JUDGED = 7
"""Fewest runs that are judged: a median of fewer says more of the machine's load than of what runs on it."""

_FIELDS = {"row", "what", "peer", "most", "reason"}

Key = tuple[str, str, str]
"""Names of a row, of a result of it, and of a peer."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """A reached value in place of a wanted one.

    Attributes:
        most: most that the value may be.
        reason: why it is another than the one that is wanted; may be empty.
    """

    most: float
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A value of a result, and what it may be.

    Attributes:
        peer: what ours is a part of; OWN for the own median itself, EXPONENT for a curve.
        value: the ratio of medians, the median, or the exponent.
        low: least that a single run had.
        high: most that a single run had.
        wanted: what is wanted of it, or None.
        most: what the budget allows, or what is wanted where there is none, or None.
        reason: the budget's reason.
    """

    peer: str
    value: float
    low: float
    high: float
    wanted: float | None
    most: float | None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the value is more than it may be."""
        return self.most is not None and not self.value <= self.most


def read(path: pathlib.Path) -> dict[Key, Budget]:
    """Read the file of budgets.

    Raises:
        InputError: the file is not a list of budgets.
    """
    try:
        document = json.loads(path.read_bytes())
        if document["version"] != 1:
            raise ValueError(f"version {document['version']!r}, known: 1")
        found: dict[Key, Budget] = {}
        for each in document["budgets"]:
            key, budget = _budget(each)
            if key in found:
                raise ValueError(f"two budgets of {' / '.join(key)}")
            found[key] = budget
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise errors.InputError(f"no budgets: {error!r}", where=str(path), fix="see tests/bench/README.md") from error
    return found


def _budget(each: Mapping[str, Any]) -> tuple[Key, Budget]:
    if unknown := sorted(each.keys() - _FIELDS):
        raise ValueError(f"unknown field {unknown[0]!r}")
    most = each["most"]
    if isinstance(most, bool) or not isinstance(most, int | float) or not (0 <= most < math.inf):
        raise ValueError(f"most is {most!r}")
    key = each["row"], each["what"], each["peer"]
    reason = each.get("reason", "")
    if not all(isinstance(text, str) for text in (*key, reason)):
        raise ValueError("row, what, peer or reason is no text")
    return key, Budget(float(most), reason)


def verdicts(row: str, result: Result, budgets: Mapping[Key, Budget]) -> list[Verdict]:
    """Compare a result with what is wanted of it and with its budgets.

    Args:
        row: name of the row.
        result: a result of it.
        budgets: of all rows.
    """

    def verdict(peer: str, value: float, spread: Sequence[float], wanted: float | None) -> Verdict:
        budget = budgets.get((row, result.name, peer), Budget(wanted) if wanted is not None else None)
        most, reason = (budget.most, budget.reason) if budget else (None, "")
        return Verdict(peer, value, min(spread), max(spread), wanted, most, reason)

    if not isinstance(result, Comparison):
        exponent = result.exponent()
        return [verdict(EXPONENT, exponent, [exponent], result.wanted)]
    found: list[Verdict] = []
    if OWN in result.wanted or (row, result.name, OWN) in budgets:
        found.append(verdict(OWN, result.median(OWN), result.samples[OWN], result.wanted.get(OWN)))
    return found + [
        verdict(peer, result.ratio(peer), result.ratios(peer), result.wanted.get(peer)) for peer in result.peers
    ]


def describe(row: str, what: str, verdict: Verdict) -> str:
    """Return what is over its budget, as a clause."""
    ours = {OWN: "takes", EXPONENT: "grows with exponent"}.get(verdict.peer, f"is, of {verdict.peer},")
    return f"{row}: {what} {ours} {number(verdict.value)}, over {number(verdict.most or 0)}"


def number(value: float) -> str:
    """Return a number with three significant digits, or all those before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
