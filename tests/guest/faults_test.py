"""What hostile hosts and hostile code do to a guest; the agent outlives it as it was."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from tests.guest.booted import Booted, booted
from tools.sandbox import answers

__all__ = ["booted"]

# KiB that the agent may have in memory after whatever happened.
_MEMORY = 24 << 10


@pytest.fixture(autouse=True)
def outlives(booted: Booted) -> Iterator[None]:
    """After each test: the agent answers, has no zombie, and has not grown."""
    yield
    booted.wait(booted.agent.ping(120))
    deadline = time.monotonic() + 60
    while (metrics := booted.wait(booted.agent.metrics())).zombies and time.monotonic() < deadline:
        time.sleep(0.5)
    assert metrics.zombies == 0
    assert metrics.agent_rss_kib < _MEMORY


def test_malformed_frames(booted: Booted) -> None:
    chance = random.Random(1)
    good = b'{"action":"exec","language":"raw","code":"true","timeout":5}'

    async def send() -> None:
        connection = booted.agent.connection
        channel = connection.open(None)
        for _ in range(1000):
            line = bytearray(good)
            # The first byte is one that no JSON value begins with.
            line[0] = chance.choice(b"\0\xff}]x,:")
            for _ in range(chance.randrange(8)):
                line[chance.randrange(1, len(line))] = chance.randrange(256)
            await connection.send_bytes(bytes(line).replace(b"\n", b" ") + b"\n")
            answer = await channel.receive(60)
            assert isinstance(answer, answers.Failure) and answer.error_type == "request_error"
        channel.close()

    booted.wait(send())


def test_hang_ups_in_the_middle_of_a_frame(booted: Booted) -> None:
    for number in range(50):
        booted.wait(booted.agent.connection.send_bytes(b'{"action":"exec","language":"raw","code":"' + b"x" * number))
        booted.reconnect()
    booted.wait(booted.agent.ping(120))


def test_hang_ups_in_the_middle_of_output(booted: Booted) -> None:
    async def begin() -> None:
        connection = booted.agent.connection
        channel = connection.open(None)
        await connection.send({"action": "exec", "language": "raw", "code": "head -c 900000 /dev/zero; sleep 60"})
        await channel.receive(60)

    for _ in range(50):
        booted.wait(begin())
        booted.reconnect()
        booted.wait(booted.agent.ping(120))


def test_more_output_than_is_taken(booted: Booted) -> None:
    code = "head -c 67108864 /dev/zero"
    assert booted.error(booted.agent.run("raw", code)) == "output_limit_error"


def test_fork_bomb(booted: Booted) -> None:
    code = "b() { b | b & }; b; sleep 600"
    assert booted.error(booted.agent.run("raw", code, timeout=3)) == "timeout_error"


def test_memory_exhaustion(booted: Booted) -> None:
    result = booted.run("import os\nx = []\nwhile True: x.append(os.urandom(1 << 20))", "python", timeout=120)
    assert result.exit_code in (1, 137)


def test_full_disk(booted: Booted) -> None:
    booted.run("cat /dev/zero > full 2> /dev/null", timeout=200)
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


def test_clock_that_goes_back(booted: Booted) -> None:
    now = booted.wait(booted.agent.clock())
    booted.wait(booted.agent.clock(now - 10 * 365 * 86_400 * 1_000_000_000))
    assert booted.error(booted.agent.run("raw", "sleep 60", timeout=2)) == "timeout_error"
    assert booted.run("sleep 1").milliseconds >= 1000
    booted.wait(booted.agent.clock(now))
