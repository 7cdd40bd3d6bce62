"""What a log's text is made of: lines that are safe to print, without their writers' decorations, and parts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

LINE = 4096
"""Characters of a line that are looked at: no line that tells something is longer."""

# All patterns, here and in causes.py, take time that grows with a line's length and not with its square: between two of
# their words stands a bounded number of characters, and no run of characters is looked at from each of its characters.

# What GitHub writes before each line, and what `gh run view --log` writes before that.
_STAMP = re.compile(r"(?:[^\t\n]*\t[^\t\n]*\t)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?")

_FAILED = re.compile(
    r"^(?://\S+ +(?:FAILED|TIMEOUT|NO STATUS)|ERROR: |FAIL(?:ED)?[: ]|-- Test timed out)"
    r"|^=+ .*\d (?:failed|error)"
    r"|Kernel panic|\[init\] (?:ERROR|execv failed|zram: cannot)"
    r"|\[module\] .{0,500}errno=|Out of memory: Killed process"
    r"|\[guest-agent\] cannot set up|\berror_type\b.{0,100}_error|##\[error\]"
    r"|the agent did not answer|Guest agent not ready"
    r"|Could not resolve host|failure in name resolution|Resolving timed out",
)
# A test that breaks guests has their consoles in its log.
_PASSED = re.compile(r"^=+ \d+ passed(?:, \d+ (?:skipped|warnings?|deselected))* in [\d.]+s.* =+$")

_TEST = re.compile(r"^=+ Test output for (//\S+):$")
_TEST_END = re.compile(r"^={80}$")
# Lines of a build's log that only say which test failed, or that something did.
_SUMMARY = re.compile(
    r"^(?:FAIL: )?(?P<label>//\S+) .*(?:FAILED|TIMEOUT|NO STATUS|see )|##\[error\]Process completed with"
)


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a log.

    Attributes:
        name: label of the test that it is the output of, or the log's own name.
        lines: its lines.
        failed: whether it tells a failure.
    """

    name: str
    lines: tuple[str, ...]
    failed: bool


def printable(data: bytes) -> str:
    """Makes log output safe to print: escape sequences, control and direction-changing characters are dropped."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return _CONTROL.sub("", _ESCAPES.sub("", text))


def parts(name: str, text: str) -> Iterator[Part]:
    """Splits a log into the outputs of its tests and the rest.

    Args:
        name: of the log.
        text: the log, safe to print.

    Yields:
        The parts: the tests' in their order, and then the rest, if there is any.
    """
    rest: list[str] = []
    tests: dict[str, list[str]] = {}
    current = rest
    for line in text.split("\n"):
        line = line[:LINE]
        line = _STAMP.sub("", line, count=1) if _STAMP.match(line) else line
        start = _TEST.match(line)
        if start:
            current = tests.setdefault(start[1], [])
        elif current is not rest and _TEST_END.match(line):
            current = rest
        else:
            current.append(line)
    found = [Part(label, tuple(lines), _has_failed(lines)) for label, lines in tests.items()]
    yield from found
    if found:
        # Who says only that these tests failed tells nothing new.
        known = {part.name for part in found if part.failed}
        left = [line for line in rest if not ((match := _SUMMARY.search(line)) and _is_told(match["label"], known))]
        yield Part(name, tuple(rest), _has_failed(left))
    else:
        yield Part(name, tuple(rest), _has_failed(rest))


def _is_told(label: str | None, known: set[str]) -> bool:
    return label in known if label else bool(known)


def _has_failed(lines: Sequence[str]) -> bool:
    return any(_FAILED.search(line) for line in lines) and not any(_PASSED.match(line) for line in lines)
