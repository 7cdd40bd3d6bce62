"""A guest for a command: a new one that ends with it, or a running one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import AsyncGenerator

from tools.sandbox import acceleration, machine
from tools.sandbox.agent import Agent
from tools.sandbox.commands import console, guests
from tools.sandbox.commands.images import Image

# Seconds that a boot may take under software emulation on a busy machine.
_BOOT_TIMEOUT = 240


@dataclasses.dataclass(frozen=True)
class Session:
    """A booted guest.

    Attributes:
        agent: its agent.
        language: language of its image.
    """

    agent: Agent
    language: str


async def accelerated(image: Image) -> machine.Guest:
    """Return an image's guest with the best accelerator of the machine."""
    return dataclasses.replace(image.guest, accelerator=await acceleration.probe(image.guest))


@contextlib.asynccontextmanager
async def fresh(image: Image, *, show_console: bool) -> AsyncGenerator[Session]:
    """Boot an image; with `show_console`, show the console on standard error.

    Raises:
        MachineError: it does not boot; the message has the console's tail.
    """
    async with machine.Machine(await accelerated(image)) as running, Agent(running) as agent:
        shown = asyncio.create_task(console.follow(running, show)) if show_console else None
        try:
            await agent.ping(_BOOT_TIMEOUT)
        finally:
            if shown:
                shown.cancel()
        yield Session(agent, image.language)


@contextlib.asynccontextmanager
async def attached(name: str) -> AsyncGenerator[Session]:
    """Connect to a guest of another command.

    Raises:
        InputError: there is no such guest, or another command uses it.
        MachineError: it does not answer.
    """
    with guests.using(name) as guest:
        async with Agent(guest, after_another=True) as agent:
            await agent.greet(_BOOT_TIMEOUT)
            yield Session(agent, guest.language)


def show(text: str) -> None:
    """Show a part of a console, as safe text, on standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()
