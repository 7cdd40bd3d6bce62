"""Test the symptoms of docs/debugging.md in guests that boot: memory, swap, network, names, time.

Each test keeps the console or log as an output. The tests of //tools/ci_diagnose use those of x86_64.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import os
import pathlib

import pytest

from tests.boot import guest
from tests.boot.guest import PATIENCE
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind
from tools.mkinitramfs import newc
from tools.sandbox import errors, machine
from tools.sandbox.agent import Agent

# A network card behind which nothing answers.
_CARD = ("-netdev", "hubport,id=net0,hubid=0", *guest.from_environment().virtio("net", netdev="net0"))


def _keep(name: str, text: str) -> None:
    if directory := os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR"):
        pathlib.Path(directory, name).write_text(text)


async def _console_with(running: machine.Machine, line: str) -> str:
    """Wait until the console shows a line; return the whole console."""
    async with asyncio.timeout(PATIENCE):
        while line not in running.console():
            await asyncio.sleep(0.5)
    return running.console()


def _run(code: str, line: str = "", **changes: object) -> tuple[str, str]:
    """Boot a guest, run code in it, and wait for a line; return the code's output and the console."""

    async def boot() -> tuple[str, str]:
        described = guest.from_environment(**changes)
        async with machine.Machine(described) as running, Agent(running) as agent:
            await agent.ping(PATIENCE)
            done = await agent.run("raw", code, timeout=PATIENCE)
            return done.stdout + done.stderr, await _console_with(running, line)

    return asyncio.run(boot())


def test_memory_runs_out() -> None:
    # The program keeps its only line, which never ends, in memory.
    _, console = _run("tail /dev/zero", "Out of memory: Killed process", memory=192)
    _keep("out-of-memory.console", console)
    assert "(tail)" in console


def test_swap_that_cannot_be_had_is_told_and_the_boot_goes_on(tmp_path: pathlib.Path) -> None:
    second = io.BytesIO()
    broken = Entry(path="modules/zram.ko", kind=Kind.FILE, mode=0o644, content=Inline(b"no module"))
    newc.write([Entry(path="modules", kind=Kind.DIRECTORY, mode=0o755), broken], second)
    initramfs = tmp_path / "initramfs"
    first = pathlib.Path(os.environ["DEBIAN_INITRAMFS"]).read_bytes()
    initramfs.write_bytes(first + bytes(-len(first) % 4) + second.getvalue())
    kernel = pathlib.Path(os.environ["DEBIAN_KERNEL"]).absolute()
    swaps, console = _run("cat /proc/swaps", "[guest-agent] ready", initramfs=initramfs, kernel=kernel)
    _keep("zram-broken.console", console)
    assert "[module] zram.ko: errno=8" in console
    assert "zram0" not in swaps


def test_network_that_cannot_be_set_up() -> None:
    # A multicast address, which no card may have.
    card = (*_CARD[:-1], _CARD[-1] + ",mac=03:00:00:00:00:01")
    _, console = _run("true", "cannot set up eth0", devices=card)
    _keep("network-not-set-up.console", console)
    assert "[guest-agent] cannot set up eth0: up: " in console


def test_gateway_that_does_not_answer() -> None:
    output, console = _run(
        "ping -c 1 -W 2 192.168.127.1; cat /etc/resolv.conf; curl -sS --max-time 20 http://example.invalid/",
        "[guest-agent] network is set up",
        devices=_CARD,
    )
    _keep("names-not-resolved.log", output)
    assert "100% packet loss" in output
    assert "nameserver 192.168.127.1" in output
    assert "curl: (6) Could not resolve host: example.invalid" in output or "curl: (28) Resolving timed out" in output
    assert "errno=" not in console


def test_agent_that_is_not_ready_in_time() -> None:
    async def boot() -> None:
        # QEMU does not start its processor.
        stopped = guest.from_environment(devices=("-S",))
        async with machine.Machine(stopped) as running, Agent(running) as agent:
            await agent.ping(0.05)

    with pytest.raises(errors.SandboxError) as caught:
        asyncio.run(boot())
    _keep("agent-too-slow.log", f"{type(caught.value).__name__}: {caught.value}\n")
    assert "the agent did not answer within" in str(caught.value)


def test_host_that_comes_late() -> None:
    async def boot() -> object:
        async with machine.Machine(guest.from_environment()) as running:
            await _console_with(running, "[guest-agent] ready")
            async with Agent(running) as agent:
                return await agent.ping(PATIENCE)

    assert asyncio.run(boot())


def test_kernel_of_the_other_architecture_says_nothing() -> None:
    """It gets as long as a kernel of the right architecture takes to boot on the same machine."""

    async def boot() -> tuple[str, str]:
        right = guest.from_environment()
        wrong = dataclasses.replace(right, kernel=pathlib.Path(os.environ["OTHER_KERNEL"]).absolute())
        async with machine.Machine(wrong) as silent, machine.Machine(right) as running:
            return await _console_with(running, "[guest-agent] ready"), silent.console()

    console, other = asyncio.run(boot())
    assert "Linux version" in console
    assert "Linux" not in other
