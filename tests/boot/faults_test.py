"""A boot that cannot succeed ends quickly, with its line on the console."""

from __future__ import annotations

import asyncio

import pytest

from tests.boot import guest
from tools.sandbox import agent, machine


def test_no_root_disk_ends_with_its_line() -> None:
    async def boot() -> str:
        async with machine.Machine(guest.from_environment(command_line="init.rootwait=1")) as running:
            await running.wait(120)
            return running.console()

    console = asyncio.run(boot())
    assert "[init] ERROR: " in console
    assert "/dev/vda" in console


def test_a_failed_boot_shows_the_reason_and_the_console() -> None:
    async def boot() -> None:
        described = guest.from_environment(command_line="init.rootwait=1")
        async with machine.Machine(described) as running, agent.Agent(running) as connection:
            await connection.ping(120)

    with pytest.raises(machine.MachineError) as caught:
        asyncio.run(boot())
    message = str(caught.value)
    assert "the machine ended before the agent answered" in message
    assert "[init] ERROR: " in message
