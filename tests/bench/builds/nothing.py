"""Row 1: nothing has changed since all images were built."""

from __future__ import annotations

from collections.abc import Iterable

from tests.bench.builds import workspace
from tests.bench.rows import OWN, Comparison, Context, Row

_ALL = ["//images:all"]


def _measure(context: Context) -> Iterable[Comparison]:
    copy = workspace.shared()
    context.log("building all images, and the kernels where KERNEL_CACHE has none")
    copy.build(_ALL)
    samples = context.alternate({OWN: lambda: copy.build(_ALL)})
    yield Comparison("clock", "s", samples, {OWN: 0.5})


ROW = Row(
    number=1,
    name="nothing",
    title="a build of all images, with nothing changed",
    peers={},
    parts=("module",),
    measure=_measure,
)
