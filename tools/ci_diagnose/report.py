"""Puts findings into words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tools.ci_diagnose import causes, logs

_RED, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"

_UNKNOWN = causes.Finding(
    "unknown",
    "none of the known causes shows in the log",
    "read the log from its end; add the cause to tools/ci_diagnose/causes.py when you know it",
    0,
    "",
)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A log that failed, and why.

    Attributes:
        log: the log's name.
        finding: the cause that explains the others.
        also: names of the further causes that show.
    """

    log: str
    finding: causes.Finding
    also: tuple[str, ...]


def failures(read: Sequence[logs.Log]) -> list[Failure]:
    """Returns the failed logs with their causes."""
    result: list[Failure] = []
    for log in read:
        if log.failed:
            first, *rest = causes.find(log.lines) or [_UNKNOWN]
            result.append(Failure(log.name, first, tuple(finding.name for finding in rest)))
    return result


def status(read: Sequence[logs.Log], *, colour: bool) -> str:
    """Returns a line for each log or job: how it stands."""
    colours = {"failed": _RED, "ok": _GREEN, "running": _BOLD}
    states = [(_state(log), log.name) for log in read]
    return "".join(f"{_paint(f'{state:7}', colours[state], colour)} {name}\n" for state, name in states)


def status_as_json(read: Sequence[logs.Log]) -> str:
    """Returns the same as a JSON document."""
    return json.dumps({"logs": [{"name": log.name, "state": _state(log)} for log in read]}, indent=2) + "\n"


def _state(log: logs.Log) -> str:
    if log.running:
        return "running"
    return "failed" if log.failed else "ok"


def plain(found: Sequence[Failure], *, colour: bool) -> str:
    """Returns the failures by cause: what it means, what to do next, and where it shows."""
    if not found:
        return _paint("nothing failed", _GREEN, colour) + "\n"
    groups: dict[tuple[str, str], list[Failure]] = {}
    for failure in found:
        groups.setdefault((failure.finding.cause, failure.finding.step), []).append(failure)
    parts: list[str] = []
    for (cause, step), members in groups.items():
        lines = [f"{_paint(f'{len(members)} failed', _RED, colour)}: {_paint(cause, _BOLD, colour)}", f"  next: {step}"]
        for failure in members:
            finding = failure.finding
            shown = f":{finding.line}: {finding.text}" if finding.line else ""
            lines.append(f"  - {failure.log}{shown}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def as_json(found: Sequence[Failure]) -> str:
    """Returns the failures as a JSON document."""
    return json.dumps({"failures": [dataclasses.asdict(failure) for failure in found]}, indent=2) + "\n"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_PLAIN}" if colour else text
