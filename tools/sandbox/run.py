"""Boots a guest, runs one program in it, and passes on what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tools.sandbox import acceleration, machine
from tools.sandbox.agent import Agent

# Seconds that a boot may take under software emulation on a busy machine.
BOOT_TIMEOUT = 240

Say = Callable[[str, str], None]


async def run(guest: machine.Guest, language: str, code: str, *, timeout: int, say: Say) -> int:
    """Runs code in a fresh guest, and ends the guest.

    Args:
        guest: what to boot; its accelerator is chosen here.
        language: python, javascript or raw.
        code: the program.
        timeout: seconds after which the guest ends it.
        say: called with `stdout` or `stderr` and a piece of output, as it comes.

    Returns:
        The program's exit code.

    Raises:
        MachineError: the guest did not boot, or ended; the message has the console's tail.
        AgentError: the agent refused the program, or ended it.
    """
    guest = dataclasses.replace(guest, accelerator=await acceleration.probe(guest))
    async with machine.Machine(guest) as running, Agent(running) as agent:
        await agent.ping(BOOT_TIMEOUT)
        async with agent.start(language, code, timeout=timeout) as program:
            async for output in program:
                say(output.stream, output.chunk)
            return (await program.wait()).exit_code
