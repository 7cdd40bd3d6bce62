"""Real logs as CI systems show them: with prefixes, truncated, after a successful run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tools.ci_diagnose import causes, logs, prefixes, report, streams
from tools.ci_diagnose.corpus_testing import CORPUS, EXPECTED

_STAGES = itertools.cycle(["[linux-x86_64] ", "[linux-aarch64] ", "[lint] "])

_PREFIXES: dict[str, Callable[[int], str]] = {
    "none": lambda _: "",
    "bazel": lambda n: f"(12:{n // 60 % 60:02}:{n % 60:02}) ",
    "jenkins_in_stage": lambda n: f"[2026-05-01T12:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}Z] [linux-x86_64] ",
    "gitlab": lambda n: f"2026-05-01T12:{n // 60 % 60:02}:{n % 60:02}.123456Z 01O ",
    "ts": lambda n: f"May 01 12:{n // 60 % 60:02}:{n % 60:02} ",
    "stages": lambda _: next(_STAGES),
    "container": lambda n: f"web-{n // 100}  | ",
    "journal": lambda n: f"runner-7 build[{99 + n // 100}]: ",
    "buildkite": lambda n: f"\x1b_bk;t={1715000000000 + n}\x07",
    "github": lambda n: f"build\tRun tests\t2026-05-01T12:{n // 60 % 60:02}:{n % 60:02}.1234567Z ",
}

_PASSED = """\
INFO: Invocation ID: 321c5046-0534-4873-90a1-95896fc05c61
INFO: Analyzed target //tests:x (30 packages loaded, 4698 targets configured).
ERROR: on purpose: No space left on device
INFO: Elapsed time: 231.113s, Critical Path: 119.53s
INFO: Build completed successfully, 39 total actions
//tests:x                                                                PASSED in 6.4s

Executed 1 out of 1 test: 1 test passes.
"""

_PLACES = 10


def _prefixed(log: str, prefix: Callable[[int], str]) -> str:
    return "".join(prefix(number) + line for number, line in enumerate(log.splitlines(keepends=True)))


def _diagnose(log: str) -> list[report.Failure]:
    data = log.encode()
    return report.failures([*logs.of_data("log", streams.Tail(data, len(data)))])


def _names(log: str) -> list[str]:
    return [failure.finding.name for failure in _diagnose(log)]


def _corpus() -> Iterator[tuple[str, str, str]]:
    for path in sorted(CORPUS.iterdir()):
        yield path.stem, EXPECTED[path.stem], path.read_text(errors="replace")


@pytest.mark.parametrize("prefix", _PREFIXES.values(), ids=_PREFIXES)
def test_prefixed_log_has_its_cause(prefix: Callable[[int], str]) -> None:
    for name, cause, log in _corpus():
        assert _names(_prefixed(log, prefix)) == [cause], name
        assert _names(_prefixed(_PASSED + log, prefix)) == [cause], name
        assert _names(_PASSED + _prefixed(log, prefix)) == [cause], name
    assert _names(_prefixed(_PASSED, prefix)) == []


@pytest.mark.parametrize("prefix", ["bazel", "jenkins_in_stage", "gitlab", "stages", "buildkite"])
def test_truncated_log_is_never_successful(prefix: str) -> None:
    for name, cause, log in _corpus():
        for place in range(1, _PLACES + 1):
            at = len(log) * place // (_PLACES + 1)
            left = _PASSED + log[:at] if place % 2 else log[at:]
            found = _names(_prefixed(left, _PREFIXES[prefix]))
            assert found, (name, at)
            if cause in {finding.name for finding in causes.find(left.removeprefix(_PASSED).split("\n"))}:
                assert found == [cause], (name, at)


@pytest.mark.parametrize("name", [name for name in _PREFIXES if name != "none"])
def test_prefix_is_stripped_completely(name: str) -> None:
    lines = ["ERROR: /w/BUILD.bazel:3:8: Executing genrule //:x failed", "Target //:x failed to build", "  indented"]
    written = [_PREFIXES[name](number) + line for number, line in enumerate(lines)]
    if name == "buildkite":
        written = [line.replace("\x1b", "").replace("\x07", "") for line in written]
    assert prefixes.strip(written) == lines


@pytest.mark.parametrize(
    "lines",
    [
        ["ERROR: a", "ERROR: b", "ERROR: c", "ERROR: d"],
        ["[    0.100000] a", "[    0.200000] b", "[    1.300000] c"],
        ["[init] stage a", "[init] stage b", "[init] ERROR: c"],
        ["FAILED a.py::x - 1", "FAILED a.py::y - 2", "FAILED a.py::z - 3"],
        ["//a:b    PASSED in 1.0s", "//a:c    PASSED in 2.0s", "//a:d    FAILED in 3.0s"],
        ["same", "same", "same"],
        ["[1 / 2] x", "[2 / 2] y", "[2 / 3] z"],
    ],
)
def test_words_of_a_log_are_not_a_prefix(lines: list[str]) -> None:
    assert prefixes.strip(lines) == lines
