"""Defines the boots of a benchmark, and measures CPU seconds of QEMU and seconds of the clock."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import resource
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tools.cli import cli
from tools.sandbox import machine
from tools.sandbox.agent import Agent

# Seconds after which a boot hangs, under software emulation on a busy machine.
_TIMEOUT = 240

_FILES = ("debian_initramfs", "debian_kernel", "disk", "floor", "initramfs", "kernel", "qemu")


@dataclasses.dataclass(frozen=True)
class Boot:
    """A boot to measure.

    Attributes:
        machine: architecture and machine of the comparison.
        case: own, floor or debian.
        guest: the guest.
    """

    machine: str
    case: str
    guest: machine.Guest


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a boot.

    Attributes:
        cpu: CPU seconds of QEMU, in user and kernel mode.
        wall: seconds by the clock.
    """

    cpu: float
    wall: float


def parse(values: Sequence[str]) -> list[list[Boot]]:
    """Return the boots of each machine: own, floor, and debian.

    Args:
        values: JSON objects of `architecture`, `machines` and paths, as the target writes them.

    Raises:
        UsageError: a value has another form.
    """
    found: list[list[Boot]] = []
    for value in values:
        try:
            parts: Mapping[str, Any] = json.loads(value)
            architecture = str(parts["architecture"])
            names = [str(name) for name in parts["machines"]]
            # QEMU is not started in this directory.
            files = {name: pathlib.Path(parts[name]).absolute() for name in _FILES}
            if not names or not set(names) <= set(machine.ARCHITECTURES[architecture].models):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            expected = ", ".join(("architecture", "machines", *_FILES))
            raise cli.UsageError(f"--guest={value}: must be a JSON object of {expected}") from None
        found += [_of_machine(architecture, name, files) for name in names]
    return found


def _of_machine(architecture: str, name: str, files: Mapping[str, pathlib.Path]) -> list[Boot]:
    own = machine.Guest(
        architecture=architecture,
        qemu=files["qemu"],
        kernel=files["kernel"],
        initramfs=files["initramfs"],
        disk=files["disk"],
        machine=name,
    )
    # The same devices: every boot pays for them.
    floor = dataclasses.replace(own, initramfs=files["floor"])
    # Debian's kernel does not find the devices of every machine; without a name, the guest gets one that suits it.
    debian = dataclasses.replace(own, kernel=files["debian_kernel"], initramfs=files["debian_initramfs"], machine=None)
    cases = {"own": own, "floor": floor, "debian": debian}
    return [Boot(f"{architecture} {name}", case, guest) for case, guest in cases.items()]


async def measure(boot: Boot) -> Cost:
    """Boot once, until the agent answers, or until QEMU ends if the guest has no agent.

    No other child of this process may end meanwhile.
    """
    before, start = _cpu(), time.monotonic()
    async with machine.Machine(boot.guest) as running:
        if boot.case == "floor":
            if code := await running.wait(_TIMEOUT):
                raise running.error(f"QEMU ended with {code}")
            wall = time.monotonic() - start
        else:
            async with Agent(running) as agent:
                await agent.ping(_TIMEOUT)
                wall = time.monotonic() - start
    return Cost(_cpu() - before, wall)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
