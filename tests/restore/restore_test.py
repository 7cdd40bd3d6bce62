"""Test three guests from one memory snapshot: random numbers, the clock, files, and a running program."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any

import pytest

from tests.boot.guest import PATIENCE
from tests.restore import snapshot
from tests.restore.snapshot import Snapshot
from tools.sandbox import machine, responses
from tools.sandbox.agent import Agent
from tools.sandbox.connection import Channel

DAY = 86_400

# Largest difference in seconds between the clocks of a guest and of its host: the hardware clock counts seconds, and
# the agent tolerates a difference of one.
CLOSE = 2

# Code that counts for ever in the saved guest.
_COUNTER = "n=0; while :; do n=$((n + 1)); echo $n $(date +%s); sleep 0.2; done"

_PROBE = """
import json, os, random, time, uuid
print(json.dumps({
    "time": time.time(),
    "device": open("/dev/urandom", "rb").read(16).hex(),
    "os": os.urandom(16).hex(),
    "random": random.random(),
    "uuid": str(uuid.uuid4()),
}))
"""

_CONTENT = hashlib.shake_256(b"content").digest(3 << 20)


@dataclasses.dataclass(frozen=True)
class Restored:
    """Answers of a restored guest.

    Attributes:
        probe: output of a fresh Python process.
        earliest: seconds since 1970 on the guest's host before that process started.
        latest: the same after it ended.
        files: digests of the saved file, by the method of reading it.
        answered: seconds from the guest's start to its first answer.
        counted: lines of the program that ran when the guest was saved: number and time.
        console: console output since the restore.
    """

    probe: dict[str, Any]
    earliest: float
    latest: float
    files: dict[str, str]
    answered: float
    counted: list[tuple[int, int]]
    console: str


@dataclasses.dataclass(frozen=True)
class Saved:
    """A saved guest.

    Attributes:
        snapshot: the snapshot.
        at: seconds since 1970 when it was saved.
        counted: the last line of the running program that the host has read.
        home: type of the home directory's file system.
    """

    snapshot: Snapshot
    at: float
    counted: tuple[int, int]
    home: str


@contextlib.contextmanager
def _directory() -> Generator[pathlib.Path]:
    # A socket's path is short.
    with tempfile.TemporaryDirectory(prefix="restore.", dir="/tmp") as path:
        yield pathlib.Path(path)


async def _lines(channel: Channel, count: int) -> list[tuple[int, int]]:
    """Receive lines of the counting program."""
    text = ""
    while text.count("\n") < count:
        response = await channel.receive(PATIENCE)
        assert isinstance(response, responses.Stdout), response
        text += response.chunk
    return [(int(number), int(seconds)) for number, seconds in map(str.split, text.splitlines())]


async def _save(saved: Snapshot) -> Saved:
    with _directory() as sockets:
        async with saved.save_from(sockets) as running, Agent(running) as agent:
            await agent.ping(PATIENCE)
            await agent.write_file("saved", _CONTENT)
            done = await agent.run("raw", "sync; stat -f -c %T .; python3 -c pass", timeout=PATIENCE)
            assert (done.exit_code, done.stderr) == (0, "")
            counter = agent.connection.open("counter")
            exec_ = {"action": "exec", "language": "raw", "code": _COUNTER, "timeout": 0, "op_id": "counter"}
            await agent.connection.send(exec_)
            counted = await _lines(counter, 3)
            at = time.time()
            # The host is still connected, like published hosts.
            await snapshot.save(running, saved)
            assert await running.wait(PATIENCE) == 0
            return Saved(saved, at, counted[-1], done.stdout.strip())


@contextlib.asynccontextmanager
async def _restored(
    saved: Saved, days_later: int, *, connected: bool
) -> AsyncGenerator[tuple[machine.Machine, Agent, float, Channel]]:
    """Restore a guest; the host connects before it resumes, or afterwards like published hosts."""
    with _directory() as sockets:
        async with (
            saved.snapshot.restore(sockets, days_later) as running,
            snapshot.control(running) as client,
            contextlib.AsyncExitStack() as exit_,
        ):
            await snapshot.load(running, client, saved.snapshot)
            agent = Agent(running)
            counter = agent.connection.open("counter")
            if connected:
                await exit_.enter_async_context(agent)
            begin = time.monotonic()
            await client.execute("cont")
            if not connected:
                await exit_.enter_async_context(agent)
            # Only once: the first ping of a new host must not be lost.
            await agent.ping(PATIENCE)
            yield running, agent, time.monotonic() - begin, counter


async def _look(saved: Saved, days_later: int, *, connected: bool) -> Restored:
    """Restore a guest and collect its answers."""
    async with _restored(saved, days_later, connected=connected) as (running, agent, answered, counter):
        earliest = time.time() + days_later * DAY
        done = await agent.run("python", _PROBE, timeout=PATIENCE)
        latest = time.time() + days_later * DAY
        assert (done.exit_code, done.stderr) == (0, "")
        sums = await agent.run("raw", "for flag in direct nocache; do dd if=saved bs=1M iflag=$flag | sha256sum; done")
        cached, direct = (line.split()[0] for line in reversed(sums.stdout.splitlines()))
        counted = await _lines(counter, 10) if connected else []
        return Restored(
            probe=json.loads(done.stdout),
            earliest=earliest,
            latest=latest,
            files={"direct": direct, "cached": cached},
            answered=answered,
            counted=counted,
            console=running.console(),
        )


@pytest.fixture(scope="session")
def saved() -> Iterator[Saved]:
    """Boot a guest and save it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as directory:
        yield asyncio.run(_save(Snapshot(pathlib.Path(directory))))


@pytest.fixture(scope="session")
def restored(saved: Saved) -> list[Restored]:
    """Restore the same snapshot three times: at once, days later, and for a host that connects before `cont`."""
    cases = [(0, False), (3, False), (400, True)]
    found = [asyncio.run(_look(saved, days, connected=connected)) for days, connected in cases]
    for (days, connected), one in zip(cases, found, strict=True):
        print(f"{days} days later, {connected=}: answered after {one.answered:.3f} s")
    return found


@pytest.mark.parametrize("source", ["device", "os", "random", "uuid"])
def test_random_numbers_of_restored_guests_differ(restored: list[Restored], source: str) -> None:
    assert len({one.probe[source] for one in restored}) == len(restored)


def test_clock_after_restore_matches_host(saved: Saved, restored: list[Restored]) -> None:
    for one in restored:
        assert one.earliest - CLOSE <= one.probe["time"] <= one.latest + CLOSE
    # Otherwise the test would show nothing.
    assert restored[1].probe["time"] - saved.at > 2 * DAY


def test_clock_step_is_logged(restored: list[Restored]) -> None:
    for one in restored[1:]:
        assert "behind the hardware clock, and was set" in one.console


def test_running_program_continues_and_sees_clock_step(saved: Saved, restored: list[Restored]) -> None:
    last, then = saved.counted
    counted = restored[2].counted
    numbers = [number for number, _ in counted]
    # Only output that the host had not read yet may be lost.
    assert last < numbers[0] < last + 100
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert counted[-1][1] - then > 399 * DAY


def test_saved_file_is_whole_through_page_cache(restored: list[Restored]) -> None:
    assert {one.files["cached"] for one in restored} == {hashlib.sha256(_CONTENT).hexdigest()}


def test_saved_file_is_whole_without_page_cache(saved: Saved, restored: list[Restored]) -> None:
    if saved.home not in ("tmpfs", "overlayfs"):
        pytest.skip(f"the home is on {saved.home}, whose blocks are in the overlay of the saved guest")
    assert {one.files["direct"] for one in restored} == {hashlib.sha256(_CONTENT).hexdigest()}
