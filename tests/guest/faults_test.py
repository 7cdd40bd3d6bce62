"""What hostile hosts and hostile code do to a guest; the agent outlives it as it was."""

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

# KiB that the agent may have in memory after whatever happened, beyond what it had before.
_GROWTH = 4 << 10

# Frames that a host sends before it looks at the answers.
_AT_ONCE = 250

# What takes minutes of an emulated guest on a busy machine is done in full by `faults_full_…`.
_FULL = bool(os.environ.get("FULL"))
_HANG_UPS = 1000 if _FULL else 50

# Bytes of output on a terminal.
_TERMINAL = 128 << 20 if _FULL else 32 << 20

# What is written in one piece, and what is hung up in the middle of.
_FRAME = b'{"action":"exec","language":"raw","code":"true","timeout":5}\n'


@pytest.fixture(scope="module")
def before(booted: Booted) -> int:
    """KiB that the agent has in memory before anything happens."""
    booted.run("true")
    return booted.wait(booted.agent.metrics()).agent_rss_kib


@pytest.fixture(autouse=True)
def outlives(booted: Booted, before: int) -> Iterator[None]:
    """After each test: the agent answers, has no zombie, and has not grown."""
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


def test_ten_thousand_malformed_frames(booted: Booted) -> None:
    chance = random.Random(1)

    def malformed() -> bytes:
        line = bytearray(_FRAME)
        # The first byte is one that no JSON value begins with.
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


def test_a_thousand_hang_ups_in_the_middle_of_a_frame(booted: Booted) -> None:
    async def hang_up(number: int) -> None:
        async with Agent(booted.machine) as agent:
            await agent.connection.send_bytes(_FRAME[: 1 + number % (len(_FRAME) - 2)])
            # Some hang up before the guest has looked, some after.
            await asyncio.sleep((number % 4) / 200)

    booted.hang_up()
    for number in range(1000):
        booted.wait(booted.insist(lambda number=number: hang_up(number)))
    # No piece of a frame is left for who comes next.
    booted.come_back()


def test_hang_ups_in_the_middle_of_output(booted: Booted) -> None:
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


def test_a_gibibyte_of_output(booted: Booted) -> None:
    code = f"head -c {1 << 30} /dev/zero"
    assert booted.error(booted.agent.run("raw", code, timeout=PATIENCE)) == "output_limit_error"


def test_much_output_on_a_terminal(booted: Booted) -> None:
    """A terminal has no limit: all of it comes, and at no time is more of it in the guest than the agent keeps."""

    async def read() -> int:
        code = f"stty raw; yes | head -c {_TERMINAL}"
        async with booted.agent.start("raw", code, timeout=0, pty=Pty(24, 80)) as program:
            length = 0
            async for output in program:
                length += len(output.chunk)
            assert (await program.wait()).exit_code == 0
            return length

    assert booted.wait(read()) == _TERMINAL


# Says when its control group is almost full: the user sees no other processes. After the bomb the shell starts none.
# Shells complain of each process that they cannot start, which is more than a program may print.
_BOMB = """
exec 2> /dev/null
b() { b | b & }
b
until set -- /proc/[0-9]*; [ $# -ge 450 ]; do :; done
echo full
"""


@pytest.mark.parametrize("end", ["cancel", "timeout"])
def test_fork_bomb(booted: Booted, end: str) -> None:
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


def test_memory_exhaustion(booted: Booted) -> None:
    result = booted.run("import os\nx = []\nwhile True: x.append(os.urandom(1 << 20))", "python")
    assert result.exit_code in (1, 137)


def test_full_disk(booted: Booted) -> None:
    booted.run("cat /dev/zero > full 2> /dev/null")
    assert booted.error(booted.agent.write_file("more", bytes(8 << 20))) == "io_error"
    booted.wait(booted.agent.remove("full"))
    assert "more" not in [entry.name for entry in booted.wait(booted.agent.list_files())]
    assert booted.wait(booted.agent.write_file("more", b"x")) == 1


def test_child_that_ignores_sigterm(booted: Booted) -> None:
    code = "trap '' TERM; while :; do sleep 1; done"
    assert booted.error(booted.agent.run("raw", code, timeout=1)) == "timeout_error"


def test_child_that_closes_its_output(booted: Booted) -> None:
    assert booted.run("exec >&- 2>&-; sleep 1; exit 3").exit_code == 3


def test_binary_output(booted: Booted) -> None:
    result = booted.run("head -c 100000 /dev/urandom; echo; echo end")
    assert result.stdout.endswith("\nend\n")


def test_missing_interpreter(booted: Booted) -> None:
    assert booted.error(booted.agent.run("javascript", "1")) == "execution_error"


def test_deleted_interpreter(booted: Booted) -> None:
    """Programs that run go on, and the next one is started by what is there then."""

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
    # One that is there, and whose own interpreter is gone.
    booted.wait(booted.agent.write_file(".local/bin/python3", b"#!/home/user/none\n", executable=True))
    assert booted.run("cd; python3", "raw").exit_code in (126, 127)
    booted.wait(booted.agent.remove(".local/bin/python3"))


def test_clock_that_goes_back(booted: Booted) -> None:
    now = booted.wait(booted.agent.clock())
    booted.wait(booted.agent.clock(now - 10 * 365 * 86_400 * 1_000_000_000))
    assert booted.error(booted.agent.run("raw", "sleep 60", timeout=2)) == "timeout_error"
    assert booted.run("sleep 1").milliseconds >= 1000
    booted.wait(booted.agent.clock(now))
