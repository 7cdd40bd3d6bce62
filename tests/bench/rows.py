"""The rows of the table: each is some work, done by us and by peers in the same run.

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

OWN = "own"
"""Name of our own case among those that are compared."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Samples of one quantity, ours and the peers'. Less is better.

    Attributes:
        name: what was compared within the row, such as `x86_64 microvm, CPU`. Budgets name it.
        unit: unit of the samples, such as `s`.
        samples: by case, OWN among them. Samples of one run have the same place.
        wanted: by peer, the most that own / peer may be; by OWN, the most that the own median may be, in the unit. A
            case without one is shown and not judged.
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
        """The cases that are not ours."""
        return [case for case in self.samples if case != OWN]

    def median(self, case: str) -> float:
        """Return the median of a case's samples."""
        return statistics.median(self.samples[case])

    def ratio(self, peer: str) -> float:
        """Return how much of a peer's median ours is."""
        own, other = self.median(OWN), self.median(peer)
        # A peer that is too short to be measured has none.
        return own / other if other else math.inf

    def ratios(self, peer: str) -> list[float]:
        """Return the ratio of each run: its spread is what the ratio of medians is known to."""
        return [
            own / other if other else math.inf
            for own, other in zip(self.samples[OWN], self.samples[peer], strict=False)
        ]


@dataclasses.dataclass(frozen=True)
class Curve:
    """How a quantity grows. Its exponent is the slope of the medians on logarithmic scales: 1 is linear.

    Attributes:
        name: what grows within the row. Budgets name it.
        x: what is on the first axis, such as `guests`.
        unit: unit of the samples.
        points: place on the first axis to samples.
        wanted: most that the exponent may be; None is not judged.
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
        runs: how often each case is measured.
        parts: files by name, absolute.
        log: tells on stderr what goes on.
        directory: an empty directory for what the row makes; it is deleted afterwards.
    """

    runs: int
    parts: Mapping[str, pathlib.Path]
    log: Callable[[str], None]
    directory: pathlib.Path

    def alternate[T](self, cases: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
        """Measure all cases in turn, `runs` times, and return the samples of each: numbers, or several of them."""
        samples: dict[str, list[T]] = {case: [] for case in cases}
        for number in range(self.runs):
            self.log(f"run {number + 1} of {self.runs}")
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
        number: its number, which `--rows` takes. Rows may share one.
        name: its name in budgets and results, such as `launch`.
        title: what work is done.
        peers: cases that ours is compared with, and what each of them is.
        parts: names of the files that it needs, of `parts.bzl`.
        measure: does the work. It alternates ours and the peers' in the same run (`Context.alternate`), and raises
            InputError or SandboxError where one of them fails.
    """

    number: int
    name: str
    title: str
    peers: Mapping[str, str]
    parts: Sequence[str]
    measure: Callable[[Context], Iterable[Result]]
