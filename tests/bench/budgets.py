"""Compare the values of rows with their budgets."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.rows import OWN, Comparison, Result
from tools.cli import errors
from tools.page.numbers import number

EXPONENT = "exponent"
"""Placeholder for the peer in a budget of a curve."""

JUDGED = 7
"""Fewest runs that are judged: a median of fewer depends mostly on the load of the machine."""

_FIELDS = {"row", "what", "peer", "most", "reason"}

Key = tuple[str, str, str]
"""Names of a row, of a result of it, and of a peer."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """A limit that replaces the wanted one.

    Attributes:
        most: maximum of the value.
        reason: why it differs from the wanted maximum; may be empty.
    """

    most: float
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A value of a result, and its limits.

    Attributes:
        peer: the peer of a ratio; OWN for our median itself, EXPONENT for a curve.
        value: the ratio of medians, the median, or the exponent.
        low: minimum of the single runs.
        high: maximum of the single runs.
        wanted: wanted maximum, or None.
        most: maximum of the budget; without a budget, the wanted maximum, or None.
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
        """Return whether the value is over its maximum."""
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
        raise errors.InputError(
            f"is not a list of budgets: {error!r}", where=str(path), fix="see tests/bench/README.md"
        ) from error
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
        raise ValueError("row, what, peer or reason is not a text")
    return key, Budget(float(most), reason)


def verdicts(row: str, result: Result, budgets: Mapping[Key, Budget]) -> list[Verdict]:
    """Compare a result with its wanted maxima and its budgets.

    Args:
        row: name of the row.
        result: a result of the row.
        budgets: budgets of all rows.
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
    """Describe a value over its budget, as a clause."""
    ours = {OWN: "takes", EXPONENT: "grows with exponent"}.get(verdict.peer, f"is, of {verdict.peer},")
    return f"{row}: {what} {ours} {number(verdict.value)}, over {number(verdict.most or 0)}"
