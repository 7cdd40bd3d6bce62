"""Boots a guest, runs one program in it, and passes on what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tools.sandbox import acceleration, agent, machine

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
    request: dict[str, object] = {
        "action": "exec",
        "language": language,
        "code": code,
        "timeout": timeout,
        "env_vars": {},
    }
    async with machine.Machine(guest) as running, agent.Agent(running) as connection:
        await connection.ping(BOOT_TIMEOUT)
        # The guest kills what ignores SIGTERM five seconds after the timeout.
        async for message in connection.stream(request, timeout + 60):
            if message["type"] in ("stdout", "stderr"):
                say(message["type"], str(message["chunk"]))
            elif message["type"] == "complete":
                return int(message["exit_code"])
    raise AssertionError("the stream ended without an end")
