"""Find the causes of a failure in the lines of a log."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from tools.ci_diagnose import build_causes, guest_causes
from tools.ci_diagnose.row import Cause

CAUSES: Sequence[Cause] = (*guest_causes.CAUSES, *build_causes.CAUSES)
"""In order of explanation: what stands before explains what stands after. The first that fits a log is its cause."""

# Of rows with one name, the first counts.
_RANK = {cause.name: rank for rank, cause in reversed([*enumerate(CAUSES)])}

_FOLLOWING = 60
"""Lines after the one that shows a cause which may explain it."""

_ERROR = re.compile(r"(?i)(?<![\w.])(?:error|fatal|fail(?:ed|ure)?|exception|panic(?:ked)?|abort(?:ed)?)(?![\w.])")
_NO_ERROR = re.compile(r"(?i)\b(?:0|no) (?:errors?|fail)|^(?:INFO|DEBUG|WARNING): ")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A cause that was found in a log.

    Attributes:
        name: the cause's identifier.
        cause: what it means.
        step: what to do next.
        line: number of the line that shows it, from 1.
        text: that line.
        details: lines that followed and say more.
    """

    name: str
    cause: str
    step: str
    line: int
    text: str
    details: tuple[str, ...] = ()


def find(lines: Iterable[str]) -> list[Finding]:
    """Return the causes that a log shows, each once, the one that explains the others first.

    Args:
        lines: the log, already safe to print.
    """
    lines = [*lines]
    found: dict[str, Finding] = {}
    rows = _searched(lines)
    for number, line in enumerate(lines):
        for cause in rows if line else ():
            match = _match(cause, line)
            if not match:
                continue
            if cause.name not in found:
                found[cause.name] = _finding(cause, match, lines, number)
            # The rows after it would say less of the same line.
            break
    return sorted(found.values(), key=lambda finding: _RANK[finding.name])


def shows(lines: Sequence[str]) -> bool:
    """Say whether a log shows any cause."""
    rows = _searched(lines)
    return any(_match(cause, line) for line in lines if line for cause in rows)


def first_error(lines: Sequence[str]) -> tuple[int, str]:
    """Return number and text of the first line that tells an error, or of the last line where none does."""
    last = (0, "")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        last = (number, line.strip())
        if _ERROR.search(line) and not _NO_ERROR.search(line):
            return last
    return last


def _searched(lines: Sequence[str]) -> list[Cause]:
    """Return the rows that can find something: to search a text for words is a hundred times faster than patterns."""
    text = "\n".join(lines)
    return [cause for cause in CAUSES if not cause.words or any(word in text for word in cause.words)]


def _match(cause: Cause, line: str) -> re.Match[str] | None:
    for word in cause.words:
        if word in line:
            break
    else:
        if cause.words:
            return None
    return cause.pattern.search(line)


def _finding(cause: Cause, match: re.Match[str], lines: Sequence[str], number: int) -> Finding:
    following = lines[number + 1 : number + 1 + _FOLLOWING]
    values = cause.explain({key: value or "" for key, value in match.groupdict().items()}, following)
    return Finding(
        cause.name,
        cause.cause.format(**values),
        cause.step.format(**values),
        number + 1,
        lines[number].strip(),
        tuple(cause.details(following)),
    )
