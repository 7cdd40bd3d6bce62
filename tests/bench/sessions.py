"""Compares the time of code in a session with that in a new process."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench import report
from tools.cli import errors


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits for sessions.

    Attributes:
        milliseconds: longest time of trivial code in a session, by the guest's clock.
        quicker: smallest ratio of the time in a new process to that in a session, by language.
    """

    milliseconds: float
    quicker: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Result:
    """Runs of one language in one guest, in milliseconds by the guest's clock.

    Attributes:
        architecture: architecture of the guest.
        language: language of the code.
        session: times in a session.
        process: times in a new process.
    """

    architecture: str
    language: str
    session: Sequence[int]
    process: Sequence[int]

    def quicker(self) -> float:
        """Return the time in a new process divided by that in a session, by medians."""
        # The agent counts whole milliseconds, rounded down.
        return statistics.median(self.process) / max(statistics.median(self.session), 1)


def read(path: pathlib.Path) -> Budget:
    """Read the budget of sessions.

    Raises:
        InputError: the file has no such budget.
    """
    return report.read(path, "budget of sessions", _budget)


def _budget(document: Mapping[str, Any]) -> Budget:
    found = document["sessions"]
    quicker = {str(language): float(times) for language, times in found["quicker"].items()}
    return Budget(float(found["milliseconds"]), quicker)


def table(results: Sequence[Result]) -> str:
    """Return the results as text."""
    lines = [f"{'guest':<8} {'language':<11} {'session, ms':<16} {'process, ms':<20} process/session"]
    lines += [
        f"{each.architecture:<8} {each.language:<11} {report.spread(each.session, 0):<16} "
        f"{report.spread(each.process, 0):<20} {each.quicker():.0f}"
        for each in results
    ]
    return "".join(line + "\n" for line in lines)


def document(results: Sequence[Result]) -> dict[str, Any]:
    """Return the results as a JSON document."""
    return {"version": 1, "sessions": [dataclasses.asdict(each) | {"quicker": each.quicker()} for each in results]}


def check(results: Sequence[Result], budget: Budget) -> None:
    """Compare the results with the budget.

    Raises:
        InputError: a language misses the budget; the message names all that do.
    """
    missed: list[str] = []
    for each in results:
        median = statistics.median(each.session)
        name = f"{each.architecture} {each.language}"
        if median > budget.milliseconds:
            missed.append(f"{name}: a session takes {median:.0f} ms, over {budget.milliseconds:.0f}")
        # A language without a budget passes.
        wanted = budget.quicker.get(each.language, 0)
        if each.quicker() < wanted:
            missed.append(f"{name}: a session is {each.quicker():.1f} times quicker, wanted {wanted:.0f}")
    if missed:
        raise errors.InputError("; ".join(missed), fix="profile the interpreter, or change budgets.json with a reason")
