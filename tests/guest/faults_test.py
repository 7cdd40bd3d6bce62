"""Test that the agent survives hostile hosts and hostile code unchanged."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Iterator

import pytest

from tests.guest.booted import PATIENCE, Booted, booted
from tools.sandbox import responses
from tools.sandbox.agent import Agent
from tools.sandbox.program import Pty

__all__ = ["booted"]

# KiB by which the agent's memory may grow.
_GROWTH = 4 << 10

# Frames that a host sends before it reads the answers.
_AT_ONCE = 250

# Only `faults_full_…` runs the tests in full that take minutes in an emulated guest on a busy machine.
_FULL = bool(os.environ.get("FULL"))
_HANG_UPS = 1000 if _FULL else 50

# Bytes of output on a terminal.
_TERMINAL = 128 << 20 if _FULL else 32 << 20

# The size of one write, during which hosts hang up.
_FRAME = b'{"action":"exec","language":"raw","code":"true","timeout":5}\n'


@pytest.fixture(scope="module")
def before(booted: Booted) -> int:
    """Return the agent's memory in KiB before the tests."""
    booted.run("true")
    return booted.wait(booted.agent.metrics()).agent_rss_kib


@pytest.fixture(autouse=True)
def outlives(booted: Booted, before: int) -> Iterator[None]:
    """Check after each test that the agent answers, has no zombie and uses no more memory."""
    yield
    booted.wait(booted.agent.ping(PATIENCE))
    metrics = booted.wait(_metrics_without_zombies(booted))
    assert metrics.agent_rss_kib <= before + _GROWTH
    print(f"agent: {before} KiB before, {metrics.agent_rss_kib} KiB after")


async def _metrics_without_zombies(booted: Booted) -> responses.Metrics:
    async with asyncio.timeout(PATIENCE):
        while (metrics := await booted.agent.metrics()).zombies:
            await asyncio.sleep(0.1)
        return metrics


def test_agent_survives_ten_thousand_malformed_frames(booted: Booted) -> None:
    chance = random.Random(1)

    def malformed() -> bytes:
        line = bytearray(_FRAME)
        # No JSON value begins with the first byte.
        line[0] = chance.choice(b"\0\xff}]x,:")
        for _ in range(chance.randrange(8)):
            line[chance.randrange(1, len(line))] = chance.randrange(256)
        return bytes(line).replace(b"\n", b" ") + b"\n"

    async def send() -> None:
        connection = booted.agent.connection
        channel = connection.open(None)
        for _ in range(10_000 // _AT_ONCE):
            await connection.send_bytes(b"".join(malformed() for _ in range(_AT_ONCE)))
            for _ in range(_AT_ONCE):
                answer = await channel.receive(PATIENCE)
                assert isinstance(answer, responses.Error) and answer.error_type == "request_error"
        channel.close()

    booted.wait(send())


def test_agent_survives_a_thousand_hangups_within_a_frame(booted: Booted) -> None:
    async def hang_up(number: int) -> None:
        async with Agent(booted.machine) as agent:
            await agent.connection.send_bytes(_FRAME[: 1 + number % (len(_FRAME) - 2)])
            # Some hosts hang up before the guest reads, some after.
            await asyncio.sleep((number % 4) / 200)

    booted.hang_up()
    for number in range(1000):
        booted.wait(booted.insist(lambda number=number: hang_up(number)))
    # No part of a frame remains for the next host.
    booted.come_back()


def test_agent_survives_hangups_within_output(booted: Booted) -> None:
    names = (f"{number}" for number in itertools.count())

    async def hang_up() -> None:
        async with Agent(booted.machine, after_another=True) as agent:
            await agent.greet(PATIENCE)
            while True:
                channel = agent.connection.open(next(names))
                code = "printf %900000s; sleep 600"
                await agent.connection.send({"action": "exec", "language": "raw", "code": code, "op_id": channel.op_id})
                if isinstance(await channel.receive(PATIENCE), (responses.Stdout, responses.Stderr)):
                    return

    booted.hang_up()
    for _ in range(_HANG_UPS):
        booted.wait(booted.insist(hang_up))
    booted.come_back()
    booted.run_until("grep -l '^sleep$' /proc/[0-9]*/comm 2> /dev/null | wc -l", "0\n")


def test_agent_survives_a_gibibyte_of_output(booted: Booted) -> None:
    code = f"head -c {1 << 30} /dev/zero"
    assert booted.error(booted.agent.run("raw", code, timeout=PATIENCE)) == "output_limit_error"


def test_terminal_delivers_all_output(booted: Booted) -> None:
    """Output of a terminal has no limit, and the guest never buffers more of it than the agent's limit."""

    async def read() -> int:
        code = f"stty raw; yes | head -c {_TERMINAL}"
        async with booted.agent.start("raw", code, timeout=0, pty=Pty(24, 80)) as program:
            length = 0
            async for output in program:
                length += len(output.chunk)
            assert (await program.wait()).exit_code == 0
            return length

    assert booted.wait(read()) == _TERMINAL


# Prints `full` when its control group is almost full: the user sees no other processes. After the bomb the shell starts
# no process. Shells report each process that they cannot start, which is more output than a program may have.
_BOMB = """
exec 2> /dev/null
b() { b | b & }
b
until set -- /proc/[0-9]*; [ $# -ge 450 ]; do :; done
echo full
"""


@pytest.mark.parametrize("end", ["cancel", "timeout"])
def test_agent_survives_fork_bomb(booted: Booted, end: str) -> None:
    async def cancel() -> int:
        async with booted.agent.start("raw", _BOMB + "exec sleep 600", timeout=0) as program:
            async for output in program:
                if output.chunk == "full\n":
                    await program.cancel()
            return (await program.wait()).exit_code

    if end == "cancel":
        assert booted.wait(cancel()) == 137
    else:
        code = _BOMB + "exec sleep 600"
        assert booted.error(booted.agent.run("raw", code, timeout=3)) == "timeout_error"


def test_agent_survives_memory_exhaustion(booted: Booted) -> None:
    result = booted.run("import os\nx = []\nwhile True: x.append(os.urandom(1 << 20))", "python")
    assert result.exit_code in (1, 137)


def test_agent_survives_full_disk(booted: Booted) -> None:
    booted.run("cat /dev/zero > full 2> /dev/null")
    assert booted.error(booted.agent.write_file("more", bytes(8 << 20))) == "io_error"
    booted.wait(booted.agent.remove("full"))
    assert "more" not in [entry.name for entry in booted.wait(booted.agent.list_files())]
    assert booted.wait(booted.agent.write_file("more", b"x")) == 1


def test_child_that_ignores_sigterm_is_killed(booted: Booted) -> None:
    code = "trap '' TERM; while :; do sleep 1; done"
    assert booted.error(booted.agent.run("raw", code, timeout=1)) == "timeout_error"


def test_child_that_closes_its_output_ends(booted: Booted) -> None:
    assert booted.run("exec >&- 2>&-; sleep 1; exit 3").exit_code == 3


def test_binary_output_is_delivered(booted: Booted) -> None:
    result = booted.run("head -c 100000 /dev/urandom; echo; echo end")
    assert result.stdout.endswith("\nend\n")


def test_missing_interpreter_is_an_error(booted: Booted) -> None:
    assert booted.error(booted.agent.run("javascript", "1")) == "execution_error"


def test_programs_survive_deleted_interpreter(booted: Booted) -> None:
    """Running programs continue; the next one starts with the program that exists then."""

    async def run() -> str:
        code = "import os, sys; print(sys.executable); sys.stdin.read(); print(os.path.exists(sys.executable))"
        async with booted.agent.start("python", code, timeout=PATIENCE, stdin=True) as program:
            first = await anext(aiter(program))
            await booted.agent.remove(".local/bin/python3")
            await program.write(b"", eof=True)
            return first.chunk + (await program.wait()).stdout

    booted.run("mkdir -p .local/bin && cp $(readlink -f $(command -v python3)) .local/bin/python3")
    assert booted.wait(run()) == "/home/user/.local/bin/python3\nFalse\n"
    assert booted.run("import sys; print(sys.executable)", "python").stdout == "/usr/bin/python3\n"
    # A script exists, but its interpreter is gone.
    booted.wait(booted.agent.write_file(".local/bin/python3", b"#!/home/user/none\n", executable=True))
    assert booted.run("cd; python3", "raw").exit_code in (126, 127)
    booted.wait(booted.agent.remove(".local/bin/python3"))


def test_agent_survives_clock_that_goes_back(booted: Booted) -> None:
    now = booted.wait(booted.agent.clock())
    booted.wait(booted.agent.clock(now - 10 * 365 * 86_400 * 1_000_000_000))
    assert booted.error(booted.agent.run("raw", "sleep 60", timeout=2)) == "timeout_error"
    assert booted.run("sleep 1").milliseconds >= 1000
    booted.wait(booted.agent.clock(now))
