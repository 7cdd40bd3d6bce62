"""Describe the results of a run as JSON: `results.json`, the source of the page."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench import budgets
from tests.bench.rows import Comparison, Result, Row
from tools.page.numbers import number

VERSION = 2


@dataclasses.dataclass
class Measured:
    """A row that was measured.

    Attributes:
        row: the row.
        results: its results; those before the failure if it failed.
        seconds: duration of the measurement.
        error: reason of the failure, or empty.
    """

    row: Row
    results: list[Result]
    seconds: float = 0
    error: str = ""


def surroundings(command: str) -> dict[str, Any]:
    """Return the conditions on which the numbers depend, in addition to the project.

    Args:
        command: the command of the measurement.
    """
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    meminfo = pathlib.Path("/proc/meminfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.M)
    total = re.search(r"^MemTotal:\s*(\d+) kB$", meminfo, re.M)
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model[1] if model else platform.machine(),
        "processors": os.cpu_count(),
        "memory_gib": round(int(total[1]) / (1 << 20), 1) if total else None,
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 1),
    }


def document(
    measured: Sequence[Measured],
    limits: Mapping[budgets.Key, budgets.Budget],
    around: Mapping[str, Any],
    runs: int,
) -> dict[str, Any]:
    """Return all results and verdicts.

    Args:
        measured: rows in their order.
        limits: budgets of all rows.
        around: result of `surroundings`.
        runs: number of runs of each case.
    """
    return {
        "version": VERSION,
        "surroundings": dict(around),
        "runs": runs,
        "judged": runs >= budgets.JUDGED,
        "rows": [
            {
                "number": each.row.number,
                "name": each.row.name,
                "title": each.row.title,
                "peers": dict(each.row.peers),
                "seconds": round(each.seconds, 1),
                "error": each.error,
                "results": [
                    _result(result)
                    | {
                        "verdicts": [
                            dataclasses.asdict(verdict) | {"over": verdict.is_over}
                            for verdict in budgets.verdicts(each.row.name, result, limits)
                        ]
                    }
                    for result in each.results
                ],
            }
            for each in measured
        ],
    }


def _result(result: Result) -> dict[str, Any]:
    if isinstance(result, Comparison):
        samples = {case: list(values) for case, values in result.samples.items()}
        return {"kind": "comparison", "name": result.name, "unit": result.unit, "samples": samples}
    points = [[x, list(result.points[x])] for x in sorted(result.points)]
    return {"kind": "curve", "name": result.name, "x": result.x, "unit": result.unit, "points": points}


def table(row: Mapping[str, Any]) -> str:
    """Format a row of a document as text: the samples of each case, and our ratio to each peer."""
    lines = [f"{row['number']} {row['title']} ({row['seconds']:.0f} s)"]
    for result in row["results"]:
        if result["kind"] == "comparison":
            lines.append(f"  {result['name']}")
            lines += [f"    {case:<10} {spread(values)} {result['unit']}" for case, values in result["samples"].items()]
        else:
            lines.append(f"  {result['name']}, by {result['x']}")
            lines += [f"    {x:<10g} {spread(values)} {result['unit']}" for x, values in result["points"]]
        lines += [f"    {text}" for text in map(_verdict, result["verdicts"])]
    if row["error"]:
        lines.append(f"  failed: {row['error']}")
    return "".join(line + "\n" for line in lines)


def spread(values: Sequence[float]) -> str:
    """Format median, minimum and maximum as text."""
    ordered = sorted(values)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    median, low, high = map(number, (middle, ordered[0], ordered[-1]))
    return f"{median} ({low} to {high})"


def ratio(verdict: Mapping[str, Any]) -> str:
    """Format the value of a verdict, and the range of single runs, as text."""
    text = number(verdict["value"])
    if verdict["low"] != verdict["high"]:
        text += f" ({number(verdict['low'])} to {number(verdict['high'])})"
    return text


def _verdict(verdict: Mapping[str, Any]) -> str:
    peer = verdict["peer"]
    what = {budgets.OWN: "own", budgets.EXPONENT: "exponent"}.get(peer, f"own / {peer}")
    text = f"{what} = {ratio(verdict)}"
    if verdict["most"] is not None:
        text += f", at most {number(verdict['most'])}"
    if verdict["wanted"] not in (None, verdict["most"]):
        text += f", wanted {number(verdict['wanted'])}"
    return text + (": OVER" if verdict["over"] else "")
