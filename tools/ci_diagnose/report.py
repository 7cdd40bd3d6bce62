"""Write the report of findings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tools.ci_diagnose import causes, logs
from tools.ci_diagnose.verdict import State

_RED, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"

_MENTIONED = ("failed_action", "failed_test", "test_failed")
"""Causes that name the failed part. They are reported beside the cause with the reason."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """A failed or unclear log, with its causes.

    Attributes:
        log: the log's name.
        finding: the cause that explains the others.
        also: names of further causes.
        within: the failed part with this cause, such as a target's action, or empty.
    """

    log: str
    finding: causes.Finding
    also: tuple[str, ...] = ()
    within: str = ""


def failures(read: Sequence[logs.Log]) -> list[Failure]:
    """Return the failed logs with their causes; if none failed, the unclear ones."""
    failed = [_failure(log) for log in read if log.state == State.FAILED]
    return failed or [_unclear(log) for log in read if log.state == State.UNCLEAR]


def notes(read: Sequence[logs.Log]) -> list[str]:
    """Return further remarks: flaky tests, and parts that were not read."""
    found = [f"{log.name}: {note}" for log in read for note in log.notes]
    unclear = [log.name for log in read if log.state == State.UNCLEAR]
    if unclear and any(log.state == State.FAILED for log in read):
        more = f" and {len(unclear) - 1} more" if len(unclear) > 1 else ""
        found.append(f"{unclear[0]}{more}: the end of the run is missing")
    return list(dict.fromkeys(found))


def _failure(log: logs.Log) -> Failure:
    first, *rest = causes.find(log.lines) or [_unknown(log)]
    within = next((finding.cause for finding in rest if finding.name in _MENTIONED), "")
    return Failure(log.name, first, tuple(finding.name for finding in rest), within)


def _unknown(log: logs.Log) -> causes.Finding:
    line, text = causes.first_error(log.lines)
    return causes.Finding(
        "unknown",
        "the log shows no known cause" + ("; its first error is below" if line else ""),
        "read the log from its end; add the cause to tools/ci_diagnose/build_causes.py when you know it",
        line,
        text,
    )


def _unclear(log: logs.Log) -> Failure:
    return Failure(
        log.name,
        causes.Finding(
            "cannot_tell",
            f"cannot tell whether it succeeded: {log.saw}",
            "pass the whole log of the run, to its last line",
            0,
            "",
        ),
    )


def status(read: Sequence[logs.Log], *, colour: bool) -> str:
    """Return a line with the state of each log or job."""
    colours = {"failed": _RED, "ok": _GREEN, "running": _BOLD, "unclear": _BOLD}
    states = [(_state(log), log.name) for log in read]
    return "".join(f"{_paint(f'{state:7}', colours[state], colour)} {name}\n" for state, name in states)


def status_as_json(read: Sequence[logs.Log]) -> str:
    """Return the same as a JSON document."""
    return json.dumps({"logs": [{"name": log.name, "state": _state(log)} for log in read]}, indent=2) + "\n"


def _state(log: logs.Log) -> str:
    return "failed" if log.state == State.TOLD else log.state.value


def plain(found: Sequence[Failure], *, colour: bool, remarks: Sequence[str] = ()) -> str:
    """Return the failures by cause: explanation, next step, and lines."""
    end = "".join(f"note: {remark}\n" for remark in remarks)
    if not found:
        return _paint("nothing failed", _GREEN, colour) + "\n" + end
    groups: dict[tuple[str, str], list[Failure]] = {}
    for failure in found:
        groups.setdefault((failure.finding.cause, failure.finding.step), []).append(failure)
    parts: list[str] = []
    for (cause, step), members in groups.items():
        count = f"{len(members)} {'unclear' if members[0].finding.name == 'cannot_tell' else 'failed'}"
        lines = [f"{_paint(count, _RED, colour)}: {_paint(cause, _BOLD, colour)}", f"  next: {step}"]
        for failure in members:
            finding = failure.finding
            shown = f":{finding.line}: {finding.text}" if finding.line else ""
            lines.append(f"  - {failure.log}{shown}")
            lines += [f"      {line}" for line in finding.details]
            if failure.within:
                lines.append(f"    in: {failure.within}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts) + (f"\n{end}" if end else "")


def as_json(found: Sequence[Failure], remarks: Sequence[str] = ()) -> str:
    """Return the failures as a JSON document."""
    listed = [dataclasses.asdict(failure) for failure in found]
    return json.dumps({"failures": listed, "notes": [*remarks]}, indent=2) + "\n"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_PLAIN}" if colour else text
