"""Read the text of a log: lines that are safe to print, without prefixes of CI systems, and parts."""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Iterator, Sequence

from tools.ci_diagnose import prefixes, verdict
from tools.ci_diagnose.verdict import State
from tools.cli import text as cli_text

# A string of an escape sequence, such as Buildkite's timestamp, ends at the end of its line at the latest.
_STRINGS = re.compile(r"\x1b[P_^X][^\x07\x1b\n]*(?:\x07|\x1b\\)?")
# A carriage return begins a new line, since progress displays overwrite theirs. A pty doubles them.
_NEWLINE = re.compile(r"\r+\n?")

LINE = 4096
"""Most characters to read of a line: no relevant line is longer."""

# All patterns, here and elsewhere, take linear time: the number of characters between two of their words is limited,
# and they do not search a run of characters from each of its characters.

_TEST = re.compile(r"^=+ Test output for (//\S+):$")
_TEST_END = re.compile(r"^={80}$")
_TEST_STATE = re.compile(r"^(?P<label>//\S+) +(?:\(cached\) )?(?P<state>PASSED|FLAKY|FAILED|TIMEOUT|NO STATUS)\b")
# Lines of a build's log that only name a failed test, or only report a failure.
_SUMMARY = re.compile(
    r"^(?:FAIL: )?(?P<label>//\S+) .*(?:FAILED|TIMEOUT|NO STATUS|see )|##\[error\]Process completed with"
    r"|^(?:INFO: )?Build completed, \d+ tests? FAILED|^Executed \d+ out of \d+ tests?: "
)
_FLAKY = re.compile(r"^(?P<label>//\S+) +(?:\(cached\) )?FLAKY, (?P<how>.{1,200})")
_GOOD = {"PASSED", "FLAKY"}


@dataclasses.dataclass(frozen=True)
class Log:
    """A log, a test's part of one, or a job without one.

    Attributes:
        name: the name of its job, test or file.
        lines: its lines, safe to print; empty for successful runs.
        state: its verdict.
        saw: why its end is unknown, or empty.
        notes: further remarks.
    """

    name: str
    lines: tuple[str, ...]
    state: State
    saw: str = ""
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> str:
    """Decode a text by its byte order mark; otherwise, zero bytes indicate UTF-16, and the default is UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    start = data[:512]
    if len(start) >= 16 and start[1::2].count(0) > 0.9 * len(start[1::2]) and start[::2].count(0) == 0:
        return data.decode("utf-16-le", "replace")
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def printable(text: str) -> str:
    """Make log output safe to print."""
    text = _NEWLINE.sub("\n", text) if "\r" in text else text
    return cli_text.printable(_STRINGS.sub("", text).encode(errors="replace"))


def parts(name: str, text: str) -> Iterator[Log]:
    """Split a log into the outputs of its tests and the rest.

    Args:
        name: name of the log.
        text: the log, safe to print.

    Yields:
        The parts: the tests' in their order, and then the rest, if there is any.
    """
    whole = text.split("\n")
    cut = sum(len(line) > LINE for line in whole)
    whole = [line[:LINE] for line in whole] if cut else whole
    lines = prefixes.strip(whole)
    if whole[-1] and not lines[-1]:
        # In a truncated log, a last line that is only a prefix may have been any line.
        lines[-1] = whole[-1]
    rest: list[str] = []
    tests: dict[str, list[str]] = {}
    current = rest
    for line in lines:
        start = _TEST.match(line)
        if start:
            current = tests.setdefault(start[1], [])
        elif current is not rest and _TEST_END.match(line):
            current = rest
        else:
            current.append(line)
    told = {match["label"]: match["state"] for line in rest if (match := _TEST_STATE.match(line))}
    notes = [f"flaky: {match['label']} {match['how']}" for line in rest if (match := _FLAKY.match(line))]
    if cut:
        notes.append(f"{cut} line{'s' if cut > 1 else ''} longer than {LINE} characters: the remainder was not read")
    found = [_test(label, output, told.get(label)) for label, output in tests.items()]
    yield from found
    yield _rest(name, rest, {part.name for part in found if part.state == State.FAILED}, tuple(notes))


def _test(label: str, lines: Sequence[str], told: str | None) -> Log:
    """Judge the output of a test: Bazel's result has priority over the output."""
    judged = verdict.judge(lines, whole=True)
    if told is not None:
        state = State.PASSED if told in _GOOD else State.FAILED
        return Log(label, judged.lines, state)
    return Log(label, judged.lines, judged.state, judged.saw)


def _rest(name: str, lines: Sequence[str], failed: set[str], notes: tuple[str, ...]) -> Log:
    judged = verdict.judge(lines)
    if failed and judged.state in (State.FAILED, State.UNCLEAR):
        # Lines that only repeat these tests' failures add nothing.
        left = ["" if (match := _SUMMARY.search(line)) and _is_told(match["label"], failed) else line for line in lines]
        judged = verdict.judge(left)
        if judged.state != State.FAILED:
            return Log(name, judged.lines, State.TOLD, notes=notes)
    return Log(name, judged.lines, judged.state, judged.saw, notes)


def _is_told(label: str | None, known: set[str]) -> bool:
    return label in known if label else bool(known)
