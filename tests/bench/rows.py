"""Define the rows of the table: each is some work, which we and peers do in the same run.

A row is a module with a constant `ROW`:

    ROW = Row(
        number=7,
        name="exec",
        title="exec of `true` in a running guest",
        peers={"qga": "qemu-guest-agent: guest-exec, and guest-exec-status until it has ended"},
        parts=("qemu_x86_64", "kernel_x86_64"),
        measure=_measure,
    )

`guests/parts.bzl` and `builds/parts.bzl` name the files that rows need, `guests/rows.py` and `builds/rows.py` list
the rows.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
import statistics
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

FEW = 3
"""Number of runs of cases that take minutes, such as a point of a curve."""

OWN = "own"
"""Name of our own case in comparisons."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Samples of one quantity, ours and the peers'. Less is better.

    Attributes:
        name: name within the row, such as `x86_64 microvm, CPU`. Budgets contain it.
        unit: unit of the samples, such as `s`.
        samples: samples by case, including OWN. Samples of one run have the same index.
        wanted: for a peer, the maximum of own / peer; for OWN, the maximum of our median, in the unit. A case without
            a maximum is shown and not judged.
    """

    name: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    wanted: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        if OWN not in self.samples or not all(self.samples.values()):
            raise ValueError(f"{self.name}: no samples of {OWN}, or of another case")

    @property
    def peers(self) -> list[str]:
        """Return the cases that are not ours."""
        return [case for case in self.samples if case != OWN]

    def median(self, case: str) -> float:
        """Return the median of a case's samples."""
        return statistics.median(self.samples[case])

    def ratio(self, peer: str) -> float:
        """Return the ratio of our median to that of a peer."""
        own, other = self.median(OWN), self.median(peer)
        # The peer's work may be too short to measure.
        return own / other if other else math.inf

    def ratios(self, peer: str) -> list[float]:
        """Return the ratio of each run. Their spread is the uncertainty of the ratio of medians."""
        return [
            own / other if other else math.inf
            for own, other in zip(self.samples[OWN], self.samples[peer], strict=False)
        ]


@dataclasses.dataclass(frozen=True)
class Curve:
    """Growth of a quantity. Its exponent is the slope of the medians on logarithmic scales: 1 is linear.

    Attributes:
        name: name within the row. Budgets contain it.
        x: quantity on the first axis, such as `guests`.
        unit: unit of the samples.
        points: samples by place on the first axis.
        wanted: maximum of the exponent; None is not judged.
    """

    name: str
    x: str
    unit: str
    points: Mapping[float, Sequence[float]]
    wanted: float | None = None

    def __post_init__(self) -> None:
        if len(self.points) < 2 or not all(self.points.values()) or min(self.points) <= 0:
            raise ValueError(f"{self.name}: fewer than two points, one without samples, or one that is not positive")

    def medians(self) -> dict[float, float]:
        """Return the median at each place, in the order of places."""
        return {x: statistics.median(self.points[x]) for x in sorted(self.points)}

    def exponent(self) -> float:
        """Return the slope of the line through the points' logarithms, by least squares."""
        places = [(math.log(x), math.log(max(y, 1e-9))) for x, y in self.medians().items()]
        slope, _ = statistics.linear_regression(*zip(*places, strict=True))
        return slope


Result = Comparison | Curve


@dataclasses.dataclass(frozen=True)
class Context:
    """The conditions of a measurement.

    Attributes:
        runs: number of runs of each case.
        parts: absolute paths of files by name.
        log: prints progress on stderr.
        directory: an empty directory for the row's files; the program deletes it afterwards.
    """

    runs: int
    parts: Mapping[str, pathlib.Path]
    log: Callable[[str], None]
    directory: pathlib.Path

    def alternate[T](self, cases: Mapping[str, Callable[[], T]], most: int | None = None) -> dict[str, list[T]]:
        """Measure all cases in turn, `runs` times, and return the samples of each case.

        Args:
            cases: what to measure, by the name of the case.
            most: maximum of the runs, for cases that take minutes and are not compared with a peer.
        """
        samples: dict[str, list[T]] = {case: [] for case in cases}
        runs = min(self.runs, most or self.runs)
        for number in range(runs):
            self.log(f"run {number + 1} of {runs}")
            for case, measure in cases.items():
                samples[case].append(measure())
        return samples

    async def alternate_async[T](self, cases: Mapping[str, Callable[[], Awaitable[T]]]) -> dict[str, list[T]]:
        """Do the same with cases that wait for a guest."""
        samples: dict[str, list[T]] = {case: [] for case in cases}
        for number in range(self.runs):
            self.log(f"run {number + 1} of {self.runs}")
            for case, measure in cases.items():
                samples[case].append(await measure())
        return samples


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        number: its number in `--rows`. Rows may share a number.
        name: its name in budgets and results, such as `launch`.
        title: the work.
        peers: description of each case that ours is compared with.
        parts: names of the files that it needs, from `parts.bzl`.
        measure: does the work. It alternates our case and the peers' in the same run (`Context.alternate`), and raises
            InputError or SandboxError if one of them fails.
    """

    number: int
    name: str
    title: str
    peers: Mapping[str, str]
    parts: Sequence[str]
    measure: Callable[[Context], Iterable[Result]]
