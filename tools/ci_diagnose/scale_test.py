"""Hostile lines: the time for a log grows with its size, and not with its square."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable

import pytest

from tools.ci_diagnose import causes, logs, prefixes, report, streams, text, verdict

# Beginnings of the patterns, and the text between their words.
_PIECES = sorted(
    {word for cause in causes.CAUSES for word in cause.words}
    | {
        "x",
        " ",
        "=",
        "1",
        "1 ",
        "//a ",
        "a:1:1: ",
        "ERROR: a:1:1: ",
        " failed",
        "= 1 passed in 1s ",
        "[x] ",
        "x | ",
        "x\t",
        ": ",
    }
    | {"\r", "\x1b[", "\x1b]", "\x1b_bk;t=1", "2026-05-01T12:00:00.1", "(12:34:56) ", "Use ", "  ", "\x00", "E   x "}
)


def _diagnose(log: str) -> list[report.Failure]:
    data = log.encode()
    return report.failures([*logs.of_data("log", streams.Tail(data, len(data)))])


def _cpu(work: Callable[[], object]) -> float:
    """Measure CPU time, which a busy machine hardly increases; return the least of several runs."""
    times: list[float] = []
    for _ in range(3):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def _of_length(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


@pytest.mark.parametrize("piece", _PIECES)
def test_longest_line_takes_linear_time(piece: str) -> None:
    lines = ["ERROR: " + _of_length(piece, text.LINE - 7)] * 4

    def work() -> None:
        verdict.judge(prefixes.strip(lines))
        causes.find(lines)
        causes.first_error(lines)

    # A quadratic pattern takes seconds for such a line; these take a millisecond.
    assert _cpu(work) / len(lines) < 0.1


@pytest.mark.parametrize("piece", ["x", "\x1b[0", "\x1b]x", "\x1b_bk;t=1\x07", "a\r", "ERROR: x ", "\x00"])
def test_twice_the_log_takes_twice_the_time(piece: str) -> None:
    once, twice = (_of_length(piece, length) for length in (100_000, 200_000))
    least, most = _cpu(lambda: _diagnose(once)), _cpu(lambda: _diagnose(twice))
    # A quadratic pattern takes four times as long, and minutes instead of milliseconds.
    assert most < 3.2 * least + 0.5


def test_too_long_line_is_cut_and_noted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.log").write_text("x" * 5_000_000 + "\nERROR: no such package 'a'\n")
    before = time.process_time()
    read = [*logs.read(str(tmp_path / "x.log"))]
    (failure,) = report.failures(read)
    assert time.process_time() - before < 1
    assert failure.finding.name == "no_such_target"
    assert any("longer than 4096 characters" in note for note in report.notes(read))
