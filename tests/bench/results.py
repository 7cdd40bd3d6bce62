"""Compares costs of boots: medians, ratios and budgets."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench import report
from tests.bench.boots import Cost
from tools.cli import errors


@dataclasses.dataclass(frozen=True)
class Budget:
    """Largest ratio of a boot's CPU seconds to those of another boot on the same machine.

    Attributes:
        machine: architecture and machine.
        floor: ratio to a boot that does nothing.
        debian: ratio to a boot of Debian's kernel.
    """

    machine: str
    floor: float
    debian: float


def read(path: pathlib.Path) -> dict[str, Budget]:
    """Read the budgets, by machine.

    Raises:
        InputError: the file has no valid budgets.
    """
    return report.read(path, "budgets", _budgets)


def _budgets(document: Mapping[str, Any]) -> dict[str, Budget]:
    budgets = [
        Budget(str(each["machine"]), float(each["floor"]), float(each["debian"])) for each in document["budgets"]
    ]
    return {budget.machine: budget for budget in budgets}


@dataclasses.dataclass(frozen=True)
class Result:
    """Boots of one machine, by case: own, floor, debian. Equal indexes belong to the same run.

    Attributes:
        machine: architecture and machine.
        costs: costs of the boots of each case.
    """

    machine: str
    costs: Mapping[str, Sequence[Cost]]

    def ratio(self, case: str) -> float:
        """Return the CPU seconds of an own boot divided by those of another case, by medians."""
        own, other = (statistics.median(cost.cpu for cost in self.costs[name]) for name in ("own", case))
        # A very short boot measures as 0 seconds.
        return own / other if other else float("inf")


def table(results: Sequence[Result]) -> str:
    """Return the results as text."""
    lines = [f"{'machine':<16} {'boot':<7} {'CPU, s':<18} {'wall, s':<18}"]
    for result in results:
        lines += [
            f"{result.machine:<16} {case:<7} {report.spread([cost.cpu for cost in costs], 2):<18} "
            f"{report.spread([cost.wall for cost in costs], 2):<18}"
            for case, costs in result.costs.items()
        ]
    lines += ["", f"{'machine':<16} own/floor  own/debian  (CPU)"]
    lines += [f"{each.machine:<16} {each.ratio('floor'):<10.2f} {each.ratio('debian'):<.3f}" for each in results]
    return "".join(line.rstrip() + "\n" for line in lines)


def document(results: Sequence[Result], surroundings: Mapping[str, object]) -> dict[str, Any]:
    """Return the results as a JSON document."""
    return {
        "version": 1,
        **surroundings,
        "machines": [
            {
                "machine": result.machine,
                "boots": {case: [dataclasses.asdict(cost) for cost in costs] for case, costs in result.costs.items()},
                "ratios": {case: result.ratio(case) for case in ("floor", "debian")},
            }
            for result in results
        ],
    }


def check(results: Sequence[Result], budgets: Mapping[str, Budget]) -> None:
    """Compare ratios with budgets.

    Raises:
        InputError: a ratio is over its budget, or a machine has no budget; the message names all of them.
    """
    over: list[str] = []
    for result in results:
        budget = budgets.get(result.machine)
        if not budget:
            over.append(f"{result.machine} has no budget")
            continue
        for case, most in (("floor", budget.floor), ("debian", budget.debian)):
            if result.ratio(case) > most:
                over.append(f"{result.machine}: a boot takes {result.ratio(case):.3f} times {case}'s CPU, over {most}")
    if over:
        raise errors.InputError(
            "; ".join(over), fix="find in the boot ledger what takes the time, or change budgets.json with a reason"
        )
