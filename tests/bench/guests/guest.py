"""Assemble the guests of rows from their parts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

from tests.bench.guests import qga
from tests.bench.rows import Comparison, Context
from tools.sandbox import machine
from tools.sandbox.agent import Agent

ARCHITECTURES = ("x86_64", "aarch64")
"""Architectures that rows measure."""

BOOT = 240
"""Seconds after which a boot hangs, under software emulation on a busy machine."""

QGA_PORT = 2
"""Place of the port of QEMU's guest agent among those of `beside`."""

# Machine on which the images' kernel boots fastest.
_MACHINES = {"aarch64": "virt", "x86_64": "microvm"}

Parts = Mapping[str, pathlib.Path]


def needs(*names: str) -> list[str]:
    """Return the names of these parts and of those of every guest, for each architecture."""
    return [f"{name}_{each}" for each in ARCHITECTURES for name in ("initramfs", "kernel", "qemu", *names)]


def own(parts: Parts, architecture: str, disk: str, memory: int = 512) -> machine.Guest:
    """Return a guest with the images' kernel, on the machine on which it boots fastest.

    Args:
        parts: files by name.
        architecture: its architecture.
        disk: name of the part with its disk, without the architecture.
        memory: MiB of RAM.
    """
    return machine.Guest(
        architecture=architecture,
        qemu=parts[f"qemu_{architecture}"],
        kernel=parts[f"kernel_{architecture}"],
        initramfs=parts[f"initramfs_{architecture}"],
        disk=parts[f"{disk}_{architecture}"],
        machine=_MACHINES[architecture],
        memory=memory,
    )


def beside(parts: Parts, architecture: str, memory: int = 512) -> machine.Guest:
    """Return a guest in which our agent and QEMU's answer, each on separate ports."""
    guest = own(parts, architecture, "beside", memory)
    return dataclasses.replace(guest, ports=(*guest.ports, qga.PORT))


@contextlib.asynccontextmanager
async def both(parts: Parts, architecture: str, memory: int = 512) -> AsyncGenerator[tuple[Agent, qga.GuestAgent]]:
    """Boot `beside`, and connect to our agent and QEMU's."""
    async with (
        machine.Machine(beside(parts, architecture, memory)) as running,
        Agent(running) as agent,
        qga.GuestAgent(running, QGA_PORT) as peer,
    ):
        await agent.ping(BOOT)
        await peer.ping(BOOT)
        yield agent, peer


def each(
    measure: Callable[[Context, str], Coroutine[Any, Any, Iterable[Comparison]]],
) -> Callable[[Context], Iterator[Comparison]]:
    """Return the measurement of a row that measures one architecture after another."""

    def run(context: Context) -> Iterator[Comparison]:
        for architecture in ARCHITECTURES:
            context.log(architecture)
            yield from asyncio.run(measure(context, architecture))

    return run


def debian(guest: machine.Guest, parts: Parts) -> machine.Guest:
    """Return the same guest with Debian's kernel, on the default machine: it finds no devices on `microvm`."""
    architecture = guest.architecture
    return dataclasses.replace(
        guest,
        kernel=parts[f"debian_kernel_{architecture}"],
        initramfs=parts[f"debian_initramfs_{architecture}"],
        machine=None,
    )


def systemd(parts: Parts, architecture: str) -> machine.Guest:
    """Return a guest of Debian with systemd, on Debian's kernel; QEMU's agent has the same port as in `beside`."""
    guest = debian(own(parts, architecture, "systemd"), parts)
    # The initramfs is tiny-init, which requires our ports.
    return dataclasses.replace(guest, ports=(*guest.ports, qga.PORT))
