"""Row 11: many guests on one host, launched at once."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import time
from collections.abc import Iterable, Iterator

from tests.bench.guests import guest
from tests.bench.rows import FEW, Context, Curve, Row
from tools.sandbox import machine
from tools.sandbox.agent import Agent

_ARCHITECTURE = "x86_64"

_GUESTS = (1, 2, 4, 8, 16, 32, 64)

# MiB of RAM of each guest.
_MEMORY = 256

# MiB of the host's memory for a guest: 110 to 140 are measured, since most of its RAM stays untouched. The host's free
# memory limits the number of guests.
_ROOM = 200

# Maximum of the exponents. 1 is linear, and the rest is the uncertainty of the measurement.
_WANTED = 1.1


async def _launch(context: Context, count: int) -> tuple[float, float]:
    """Boot guests at once; return the seconds until all have answered, and the memory of their QEMUs in MiB."""
    booted = guest.own(context.parts, _ARCHITECTURE, "disk_python", _MEMORY)
    async with contextlib.AsyncExitStack() as stack:

        async def boot() -> None:
            running = await stack.enter_async_context(machine.Machine(booted))
            agent = await stack.enter_async_context(Agent(running))
            await agent.ping(guest.BOOT * count)

        start = time.perf_counter()
        await asyncio.gather(*(boot() for _ in range(count)))
        return time.perf_counter() - start, sum(_memory()) / 1024


def _memory() -> Iterator[int]:
    """Yield the memory of each child, in KiB; shared memory is divided among the children."""
    for children in pathlib.Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            for line in pathlib.Path("/proc", child, "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    yield int(line.split()[1])


def _counts() -> list[int]:
    """Return the numbers of guests for which this host has enough memory."""
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) >> 10
    return [count for count in _GUESTS if count <= 2 or count * _ROOM <= available]


def _measure(context: Context) -> Iterable[Curve]:
    machine.confinement(str(context.parts[f"qemu_{_ARCHITECTURE}"]))
    counts = _counts()
    context.log(f"up to {counts[-1]} guests")
    # The first run reads files from the disk.
    asyncio.run(_launch(context, 1))
    costs = context.alternate(
        {str(count): lambda count=count: asyncio.run(_launch(context, count)) for count in counts}, FEW
    )
    seconds = {float(count): [cost[0] for cost in costs[str(count)]] for count in counts}
    memory = {float(count): [cost[1] for cost in costs[str(count)]] for count in counts}
    yield Curve(f"{_ARCHITECTURE}, until all have answered", "guests", "s", seconds, _WANTED)
    yield Curve(f"{_ARCHITECTURE}, the host's memory", "guests", "MiB", memory, _WANTED)


ROW = Row(
    number=11,
    name="crowd",
    title="guests on one host, launched at once",
    peers={},
    parts=[f"{name}_{_ARCHITECTURE}" for name in ("disk_python", "initramfs", "kernel", "qemu")],
    measure=_measure,
)
