"""Judge how a log ended. A success needs evidence; a log without evidence is unclear."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Sequence

from tools.ci_diagnose import causes


class State(enum.Enum):
    """The result of a log's run."""

    PASSED = "ok"
    FAILED = "failed"
    TOLD = "told"
    """Failed, for reasons in other parts of the same log."""
    RUNNING = "running"
    UNCLEAR = "unclear"
    """The log shows neither a failure nor the end of a successful run."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a log ended.

    Attributes:
        state: the verdict.
        lines: the log's lines; those of successful runs are empty.
        saw: the log's last part, if its end is unknown.
    """

    state: State
    lines: tuple[str, ...]
    saw: str = ""


@dataclasses.dataclass(frozen=True)
class _Run:
    """A kind of run that reports its success.

    Attributes:
        start: its first line.
        success: its last line on success.
        failure: its last line on failure.
        needs_start: whether the last line alone is not enough.
    """

    start: re.Pattern[str]
    success: re.Pattern[str]
    failure: re.Pattern[str]
    needs_start: bool = False


def _run(start: str, success: str, failure: str = r"(?!)", *, needs_start: bool = False) -> _Run:
    return _Run(re.compile(start), re.compile(success), re.compile(failure), needs_start)


_COUNTS = r"(?:, \d+ (?:skipped|deselected|xfailed|xpassed|warnings?|rerun))*"

_RUNS = {
    "bazel": _run(
        r"^INFO: Invocation ID: |^Starting local Bazel server|^Extracting Bazel installation",
        r"^(?:INFO: )?Build completed successfully, \d+ total actions?$"
        r"|^Executed \d+ out of \d+ tests?: \d+ tests? pass(?:es)?(?: and \d+ (?:was|were) skipped)?\.$",
        r"^ERROR: Build did NOT complete|^(?:INFO: )?Build completed, \d+ tests? FAILED|^FAILED: Build did NOT",
    ),
    "pytest": _run(
        r"^=+ test session starts =+$",
        rf"^=+ \d+ passed{_COUNTS} in [\d.]+s.{{0,40}} =+$|^\d+ passed{_COUNTS} in [\d.]+s(?: \([\d:]+\))?$",
        r"^=+ .{0,200}\d (?:failed|errors?)\b",
    ),
    "rust": _run(r"^running \d+ tests?$", r"^test result: ok\. \d+ passed; 0 failed;", r"^test result: FAILED"),
    "go": _run(r"^=== RUN ", r"^ok  \t\S+\t(?:[\d.]+s|\(cached\))", r"^FAIL\b"),
    "unittest": _run(r"^Ran \d+ tests? in [\d.]+s$", r"^OK(?: \(.{1,100}\))?$", r"^FAILED \(", needs_start=True),
    "ctest": _run(r"^Test project /", r"^100% tests passed, 0 tests failed out of \d+"),
    "gitlab": _run(r"^Running with gitlab-runner ", r"^Job succeeded$", r"^ERROR: Job failed"),
    "jenkins": _run(r"^Started by |^\[Pipeline\] Start of Pipeline", r"^Finished: SUCCESS$", r"^Finished: [A-RT-Z]"),
    # A runner of GitHub writes `##[error]` if a step fails, and nothing if all of them succeed.
    "github": _run(
        r"^Current runner version: |^Complete job name: ",
        r"^Cleaning up orphan processes$",
        r"^##\[error\]",
        needs_start=True,
    ),
}
_RUN_SAYS = re.compile(
    "|".join(f"(?:{run.start.pattern})|(?:{run.success.pattern})|(?:{run.failure.pattern})" for run in _RUNS.values())
)
"""Whether a line matches any of those: one search for most lines."""

# These do not cover failures inside of them: their last line has no result.
_SAYS_LITTLE = frozenset({"unittest", "github"})

_GUEST_START = re.compile(r"^(?:\[ *0\.000000\] )?(?:Linux version \d|Booting Linux on )")
_GUEST_READY = "[guest-agent] ready"
_GUEST_END = re.compile(r"reboot: (?:Power down|Restarting system)$")
_STAGE = re.compile(r"^\[init\] stage .{1,100}|^\[guest-agent\] .{1,200}")

# Lines that may follow the success of a run.
_EPILOGUE = re.compile(
    r"^\s*$|^//\S+ +(?:\(cached\) )?(?:PASSED|FLAKY|SKIPPED)\b|^  (?:Stats over|bazel-out/|/)\S*"
    r"|^There were tests whose specified size is too big|^Executed \d+ out of \d+ tests?: \d+ tests? pass(?:es)?[ .]"
    r"|^INFO: (?:Build Event Protocol|Streaming build results|Elapsed time|\d+ process)"
    r"|^={80}$|^Terminate orphan process: |^section_(?:start|end):|^Cleaning up project directory"
    r"|^\[Pipeline\] End of Pipeline"
)

_FAILED = re.compile(
    r"//\S+ +(?:\(cached\) )?(?:FAILED|TIMEOUT|NO STATUS)|ERROR: |FATAL: |FAIL(?:ED)?[: ]|-- Test timed out"
    r"|(?:INFO: )?Build completed, \d+ tests? FAILED|Executed \d+ out of \d+ tests?: .{0,100}\bfails?\b"
    r"|=+ .{0,200}\d (?:failed|errors?)\b|\d+ failed\b.{0,100} in [\d.]+s|test result: FAILED"
    r"|##\[error\]|::error\b|Finished: (?!SUCCESS)[A-Z]"
)
"""Beginnings of lines that report a failure."""

# The same anywhere in a line. Lines without the words are not searched: that is a hundred times faster.
_FAILED_WITHIN = {
    "Kernel panic": re.compile("Kernel panic"),
    "[init] ": re.compile(r"\[init\] (?:ERROR|execv failed|zram: cannot)"),
    "[module] ": re.compile(r"\[module\] .{0,500}errno="),
    "Out of memory": re.compile("Out of memory: Killed process"),
    "[guest-agent] ": re.compile(r"\[guest-agent\] (?:cannot set up|zram: cannot)"),
    "error_type": re.compile(r"\berror_type\b.{0,100}_error"),
    "##[error]": re.compile(r"##\[error\]"),
    "the agent did": re.compile("the agent did not answer"),
    "Guest agent": re.compile("Guest agent not ready"),
    "resol": re.compile("failure in name resolution|Could not resolve host"),
    "Resolving": re.compile("Resolving timed out"),
}


def judge(lines: Sequence[str], *, whole: bool = False) -> Verdict:
    """Judge a log.

    A successful run covers its earlier output. A log is successful if no other line reports a failure, and if only the
    epilogue of a run follows the last success: otherwise another run begins there.

    Args:
        lines: the log, without prefixes.
        whole: whether the log is that of one run, from its start.
    """
    scan = _Scan("\n".join(lines), whole)
    for number, line in enumerate(lines):
        scan.take(number, line)
    left = list(lines)
    for start, end in scan.succeeded:
        left[start:end] = [""] * (end - start)
    state = scan.state()
    # A cause in a log without a known end is the reason of its end.
    if state == State.UNCLEAR and causes.shows(left):
        state = State.FAILED
    return Verdict(state, tuple(left), scan.saw(lines) if state == State.UNCLEAR else "")


class _Scan:
    """The information in the lines so far."""

    def __init__(self, text: str, whole: bool) -> None:
        self._within = [(word, pattern) for word, pattern in _FAILED_WITHIN.items() if word in text]
        self._has_guest = _GUEST_READY in text
        self.succeeded: list[tuple[int, int]] = []
        self._whole = whole
        self._starts: dict[str, int] = {}
        self._failures: list[int] = []
        self._ended = 0  # The line after the last end of a run.
        self._success: int | None = None
        self._after: int | None = None  # The first line after the last success that is not of its epilogue.
        self._ready = False

    def take(self, number: int, line: str) -> None:
        """Read the next line."""
        if not line:
            return
        for kind, run in _RUNS.items() if _RUN_SAYS.match(line) else ():
            if run.success.match(line):
                if not run.needs_start or kind in self._starts:
                    self._succeed(kind, number)
                    return
            elif run.start.match(line):
                self._starts[kind] = number
            elif run.failure.match(line):
                self._starts.pop(kind, None)
                self._ended = number + 1
        if self._has_failed(line):
            self._failures.append(number)
        if (
            not (self._has_guest and self._is_end_of_guest(number, line))
            and self._after is None
            and not _EPILOGUE.match(line)
        ):
            self._after = number

    def _has_failed(self, line: str) -> bool:
        if _FAILED.match(line):
            return True
        return bool(self._within) and any(word in line and pattern.search(line) for word, pattern in self._within)

    def _succeed(self, kind: str, number: int) -> None:
        begun = self._starts.pop(kind, None)
        # Without its start, a run covers only output that no other run can have printed.
        first = begun if begun is not None else 0 if self._whole and not self._ended else None
        if first is not None and kind not in _SAYS_LITTLE:
            while self._failures and self._failures[-1] >= first:
                self._failures.pop()
        elif not self._failures or self._failures[-1] < self._ended:
            first = self._ended
        if first is not None and not any(failure >= first for failure in self._failures[-1:]):
            self.succeeded.append((first, number + 1))
        self._success, self._after, self._ended = number, None, number + 1

    def _is_end_of_guest(self, number: int, line: str) -> bool:
        """Return whether a guest's console shows a success: the guest was ready and was then switched off."""
        if _GUEST_START.match(line):
            self._ready = False
        elif _GUEST_READY in line:
            self._ready = True
        elif self._ready and not self._failures and _GUEST_END.search(line):
            self._success, self._after, self._ready = number, None, False
            return True
        return False

    def state(self) -> State:
        """Return the verdict on the lines so far."""
        if self._failures:
            return State.FAILED
        return State.PASSED if self._success is not None and self._after is None else State.UNCLEAR

    def saw(self, lines: Sequence[str]) -> str:
        """Describe what the log shows instead of the end of a run."""
        last = next((number for number in range(len(lines) - 1, -1, -1) if lines[number].strip()), None)
        if last is None:
            return "it is empty"
        if self._success is not None and self._after is not None:
            return (
                f"a run succeeded at line {self._success + 1}, and line {self._after + 1} begins something whose end "
                f"does not show: {_short(lines[self._after])}"
            )
        for number in range(last, max(-1, last - 200), -1):
            if _STAGE.search(lines[number]):
                return f"a guest came as far as line {number + 1}: {_short(lines[number])}"
        return f"no line tells a success or a failure, and it ends at line {last + 1} with: {_short(lines[last])}"


def _short(line: str) -> str:
    return line.strip()[:160]
