"""Row 2: a changed line of the agent, and the disks that have it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.bench.builds import workspace
from tests.bench.rows import OWN, Comparison, Context, Row

_DISKS = [f"//images:qcow2_{variant}_{arch}" for variant in ("bun", "node", "python") for arch in ("aarch64", "x86_64")]


def _measure(context: Context) -> Iterable[Comparison]:
    copy = workspace.shared()
    context.log("building six disks")
    copy.build(_DISKS)

    def agent() -> float:
        # The changed log line results in another program.
        copy.change("agents/guest_agent/src/main.rs", 'log!("version {VERSION}");', 'log!("version {{VERSION}} {}");')
        return copy.build(_DISKS)

    def cold() -> float:
        # The file is in every disk, so the build packs all layers again. It compiles neither the agent nor a tool.
        copy.change("images/base/BUILD.bazel", '"etc/hostname": "sandbox\\n"', '"etc/hostname": "sandbox{}\\n"')
        return copy.build(_DISKS)

    samples = context.alternate({OWN: agent, "cold": cold})
    yield Comparison("clock", "s", samples, {OWN: 40, "cold": 0.5})


ROW = Row(
    number=2,
    name="agent",
    title="six disks, after a changed line in the agent",
    peers={"cold": "assembly of the same six disks from downloaded packages, with the agent compiled already"},
    parts=("module",),
    measure=_measure,
)
