"""Boot an image, and time it: as a whole, and by the stages of its boot ledger."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import re
import time
from collections.abc import Iterable, Mapping, Sequence

from tools.cli import cli, errors
from tools.sandbox import acceleration, machine
from tools.sandbox.agent import Agent

# Seconds that a boot may take under software emulation on a busy machine.
_TIMEOUT = 240

_STAGE = re.compile(r"([a-z][a-z0-9_]{0,31})=([0-9]{1,12})", re.ASCII)


class LedgerError(errors.InputError):
    """A boot ledger that the guest's agent cannot have written."""


@dataclasses.dataclass(frozen=True)
class Boot:
    """A boot that was timed.

    Attributes:
        seconds: from the start of QEMU to the agent's first response.
        stages: name and seconds of each part, in their order: QEMU until the kernel's clock starts, the stages of the
            ledger, and the agent.
        run: seconds of the first program after the boot, from the request to its end; None without a program.
        console: the console's output until then, as safe text.
        accelerator: value of QEMU's -accel.
    """

    seconds: float
    stages: Sequence[tuple[str, float]]
    run: float | None
    console: str
    accelerator: str


def guests(values: Sequence[str]) -> dict[str, machine.Guest]:
    """Return the guest of each architecture, without a disk.

    Args:
        values: values of the flag `--guest`, ARCHITECTURE=QEMU,KERNEL,INITRAMFS,MACHINE.

    Raises:
        UsageError: a value has another form.
    """
    found: dict[str, machine.Guest] = {}
    for value in values:
        architecture, files = cli.key_value("guest", value)
        parts = files.split(",")
        known = machine.ARCHITECTURES.get(architecture)
        if known is None or len(parts) != 4 or parts[3] not in known.models:
            raise cli.UsageError(f"--guest={value}: must be ARCHITECTURE=QEMU,KERNEL,INITRAMFS,MACHINE")
        # QEMU starts in another directory.
        qemu, kernel, initramfs = (pathlib.Path(path).absolute() for path in parts[:3])
        found[architecture] = machine.Guest(
            architecture=architecture, qemu=qemu, kernel=kernel, initramfs=initramfs, disk=None, machine=parts[3]
        )
    return found


async def with_disk(known: Mapping[str, machine.Guest], value: str) -> machine.Guest:
    """Return the guest of a disk, with the fastest accelerator of this machine.

    Args:
        known: the guest of each architecture.
        value: value of the flag `--disk`, ARCHITECTURE=FILE.

    Raises:
        UsageError: it has another form, or no guest has its architecture.
    """
    architecture, disk = cli.key_value("disk", value)
    if architecture not in known:
        raise cli.UsageError(f"--disk={value}: also give --guest={architecture}=…")
    guest = dataclasses.replace(known[architecture], disk=pathlib.Path(disk).absolute())
    return dataclasses.replace(guest, accelerator=await acceleration.probe(guest))


async def boot(guest: machine.Guest, program: tuple[str, str] | None = None) -> Boot:
    """Boot a guest once.

    Args:
        guest: the guest.
        program: language and code of a program to run in it, if any.

    Raises:
        LedgerError: the guest sent something else instead of its ledger, or no uptime.
    """
    start = time.monotonic()
    async with machine.Machine(guest) as running, Agent(running) as agent:
        pong = await agent.ping(_TIMEOUT)
        booted = time.monotonic()
        run = None
        if program:
            await agent.run(*program)
            run = time.monotonic() - booted
        milliseconds = (await agent.metrics()).uptime_ms
        if milliseconds is None:
            raise LedgerError("the guest does not report its uptime", fix="check the image's agent")
        uptime = milliseconds / 1000 - (time.monotonic() - booted)
        parts = timeline(booted - start, uptime, stages(pong.boot or ""))
        return Boot(booted - start, parts, run, running.console(), guest.accelerator)


def surroundings(boots: Iterable[Boot]) -> str:
    """Return the machine on which boots took their times, and its load, as text."""
    accelerators = sorted({boot.accelerator for boot in boots})
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} CPUs of {platform.machine()} with {', '.join(accelerators)} and a load average of {load:.0f}"
    )


def timeline(seconds: float, uptime: float, stages: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the stages of a boot, with the time before the first one and after the last one.

    Args:
        seconds: from the start of QEMU to the agent's first response.
        uptime: seconds of the guest's clock at this response. The clock starts with the first stage.
        stages: the stages of the ledger.
    """
    # Two clocks and two answers: on a busy machine, the guest's clock may be far behind.
    around = max(seconds - sum(took for _, took in stages), 0)
    before = min(max(seconds - uptime, 0), around)
    after = around - before
    return [("QEMU", before), *stages, ("agent", after)]


def stages(ledger: str) -> list[tuple[str, float]]:
    """Return name and seconds of each stage of a ledger.

    Raises:
        LedgerError: the text is not a ledger: it comes from a guest.
    """
    found = [_STAGE.fullmatch(item) for item in ledger.split(",")]
    if not all(found):
        raise LedgerError(f"the guest sent {ledger[:100]!r} as its boot ledger", fix="check the image's agent")
    return [(match[1], int(match[2]) / 1e6) for match in found if match]
