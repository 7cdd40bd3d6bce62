"""Row 6: from the start of QEMU to the agent's first answer."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import resource
import time
from collections.abc import Iterable

from tests.bench.guests import guest, qga
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.sandbox import machine
from tools.sandbox.agent import Agent

# Machines of each architecture on which our kernel boots.
_MACHINES = {"x86_64": ("microvm", "q35"), "aarch64": ("virt",)}

_PEERS = {
    "floor": "the same kernel, disk and devices; its init restarts at once: what no boot can avoid",
    "debian": "the same image with Debian's kernel and its modules",
    "systemd": "a minimal Debian with systemd and udev on Debian's kernel, until qemu-guest-agent answers",
}

_WANTED = {"floor": 1.25, "debian": 0.25, "systemd": 0.1}

# Firmware and PCI take as long on `q35` for any kernel, and all peers boot there.
_WANTED_Q35 = {**_WANTED, "debian": 0.28}


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a boot.

    Attributes:
        cpu: CPU seconds of QEMU in that time, in user and kernel mode.
        wall: elapsed seconds.
    """

    cpu: float
    wall: float


async def _boot(booted: machine.Guest, case: str) -> Cost:
    """Boot once, until the agent answers; without an agent, until QEMU ends. Return the cost up to then."""
    # The time of all ended children counts, so no other child may end meanwhile.
    before, start = _ended_children(), time.monotonic()
    async with machine.Machine(booted) as running:
        if case == "floor":
            if code := await running.wait(guest.BOOT):
                raise running.error(f"QEMU ended with {code}")
            return Cost(_ended_children() - before, time.monotonic() - start)
        connection = qga.GuestAgent(running, guest.QGA_PORT) if case == "systemd" else Agent(running)
        async with connection as agent:
            await agent.ping(guest.BOOT)
            # The guest works on, which is no part of its boot.
            return Cost(running.cpu_seconds, time.monotonic() - start)


def _run(booted: machine.Guest, case: str) -> Cost:
    return asyncio.run(_boot(booted, case))


def _ended_children() -> float:
    """Return the CPU seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _guests(parts: guest.Parts, architecture: str) -> dict[str, machine.Guest]:
    """Return the guests of an architecture by case and machine. Debian's kernel finds no devices on `microvm`."""
    own = guest.own(parts, architecture, "disk_python")
    found: dict[str, machine.Guest] = {}
    for name in _MACHINES[architecture]:
        found[f"{OWN} {name}"] = dataclasses.replace(own, machine=name)
        # The same devices: no boot can avoid the kernel's work for them.
        found[f"floor {name}"] = dataclasses.replace(own, machine=name, initramfs=parts[f"floor_{architecture}"])
    return found | {"debian": guest.debian(own, parts), "systemd": guest.systemd(parts, architecture)}


def _measure(context: Context) -> Iterable[Comparison]:
    for architecture in guest.ARCHITECTURES:
        context.log(architecture)
        guests = _guests(context.parts, architecture)
        # The first call queries QEMU, which is not part of a boot.
        machine.confinement(str(context.parts[f"qemu_{architecture}"]))
        # The first run reads files from the disk.
        asyncio.run(_boot(guests["debian"], "debian"))
        costs = context.alternate(
            {name: functools.partial(_run, booted, name.split()[0]) for name, booted in guests.items()}
        )
        for name in _MACHINES[architecture]:
            of = {case: costs.get(f"{case} {name}") or costs[case] for case in (OWN, *_PEERS)}
            cpu = {case: [cost.cpu for cost in found] for case, found in of.items()}
            wall = {case: [cost.wall for cost in found] for case, found in of.items()}
            # Other load affects CPU seconds less than elapsed ones, so only they are judged.
            yield Comparison(f"{architecture} {name}, CPU", "s", cpu, _WANTED_Q35 if name == "q35" else _WANTED)
            yield Comparison(f"{architecture} {name}, clock", "s", wall)


ROW = Row(
    number=6,
    name="launch",
    title="from launch to the agent's first answer",
    peers=_PEERS,
    parts=guest.needs("disk_python", "floor", "debian_kernel", "debian_initramfs", "systemd"),
    measure=_measure,
)
