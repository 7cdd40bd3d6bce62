"""Test that the peers boot, answer, and run the requests of rows."""

from __future__ import annotations

import asyncio
import os
import pathlib

import pytest

from tests.bench.guests import guest, qga
from tools.sandbox import machine
from tools.sandbox.errors import AgentError

_PARTS = {
    name.removeprefix("PART_"): pathlib.Path(path).absolute()
    for name, path in os.environ.items()
    if name.startswith("PART_")
}


def test_systemd_guest_boots_without_failed_units() -> None:
    async def boot() -> bytes:
        async with (
            machine.Machine(guest.systemd(_PARTS, "x86_64")) as running,
            qga.GuestAgent(running, guest.QGA_PORT) as peer,
        ):
            await peer.ping(guest.BOOT)
            script = "systemctl is-system-running --wait; systemctl --failed --no-legend; cat /proc/1/comm"
            return (await peer.run("/bin/sh", ["-c", script], output=True)).stdout

    assert asyncio.run(boot()) == b"running\nsystemd\n"


def test_guest_with_both_agents_answers() -> None:
    content = os.urandom(3 << 20)

    async def boot() -> None:
        async with guest.both(_PARTS, "x86_64") as (agent, peer):
            assert (await agent.run("raw", "echo ours")).stdout == "ours\n"
            assert (await peer.run("/bin/echo", ["theirs"], output=True)).stdout == b"theirs\n"
            assert (await peer.run("/bin/false")).exit_code == 1
            await peer.write_file("/tmp/file", content, 1 << 20)
            assert await peer.read_file("/tmp/file", 1 << 20) == content
            with pytest.raises(AgentError, match="guest-file-open"):
                await peer.read_file("/nowhere", 1 << 20)

    asyncio.run(boot())
