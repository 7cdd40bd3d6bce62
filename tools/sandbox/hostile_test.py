"""A guest that breaks the protocol: the host detects it, does not wait, and limits its memory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import resource
from collections.abc import Generator
from typing import Any

import pytest

from tools.sandbox import connection, errors, frames, guest_testing, limits, schema
from tools.sandbox.agent import Agent
from tools.sandbox.guest_testing import Guest
from tools.sandbox.program import Pty

_COMPLETE = {"type": "complete", "exit_code": 0, "execution_time_ms": 5, "spawn_ms": 1, "process_ms": 4}


@contextlib.contextmanager
def _memory_growth(limit: int) -> Generator[None]:
    """Check that the block increases the peak of this process's memory by less than `limit` MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    # KiB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < limit << 10


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON\n",
        b"[]\n",
        b"[" * 100_000 + b"\n",
        b'{"type": "stdout", "chunk": 5}\n',
        b"x" * (limits.RESPONSE + 10),
        b"\n",
    ],
    ids=["text", "list", "nesting", "type", "length", "nothing"],
)
@guest_testing.connect()
async def test_malformed_response_ends_all_requests(guest: Guest, agent: Agent, line: bytes) -> None:
    tasks = [asyncio.create_task(agent.run("raw", "x")), asyncio.create_task(agent.metrics())]
    await guest.request()
    await guest.say(line)
    for task in tasks:
        with pytest.raises(errors.ProtocolError, match="something that no agent sends"):
            await task
    with pytest.raises(errors.ProtocolError):
        await agent.ping(1)


@guest_testing.connect()
async def test_end_of_the_machine_ends_all_requests(guest: Guest, agent: Agent) -> None:
    start = agent.start("raw", "", stdin=True)
    started = asyncio.create_task(start.__aenter__())
    await guest.request()
    await guest.answer(type="pong", version="1")
    running = await started
    tasks = [asyncio.create_task(one) for one in (running.wait(), running.write(b"x"), agent.clock())]
    await guest.request()
    guest.hang_up()
    for task in tasks:
        with pytest.raises(errors.MachineError, match="ended before"):
            await task


@guest_testing.connect()
async def test_missing_response_is_an_error(_: Guest, agent: Agent) -> None:
    with pytest.raises(errors.NoAnswerError, match="within 0 s"):
        await agent.ping(0.2)


@guest_testing.connect()
async def test_late_response_is_dropped(guest: Guest, agent: Agent) -> None:
    with pytest.raises(errors.NoAnswerError):
        await agent.ping(0.1)
    late = await guest.request()
    task = asyncio.create_task(agent.ping(10))
    await guest.say({"type": "pong", "version": "late", "op_id": late["op_id"]})
    await guest.answer(type="pong", version="right")
    assert (await task).version == "right"


@pytest.mark.parametrize(("stream", "count"), [("stdout", 16), ("stderr", 2)])
@guest_testing.connect()
async def test_output_over_the_limit_is_a_protocol_error(guest: Guest, agent: Agent, stream: str, count: int) -> None:
    task = asyncio.create_task(agent.run("raw", "yes"))
    op_id = (await guest.request())["op_id"]
    for _ in range(count):
        await guest.say({"type": stream, "chunk": "y" * 65536, "op_id": op_id})
    with pytest.raises(errors.ProtocolError, match=f"characters of {stream}"):
        await task


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        ({"type": "pong", "version": "1"}, "mkdir"),
        ({"type": "ack", "action": "remove"}, "mkdir"),
        ({"type": "ack", "action": "mkdir"}, "stat"),
        ({"type": "pong", "version": "1"}, "metrics"),
    ],
)
@guest_testing.connect()
async def test_response_of_another_type_is_a_protocol_error(
    guest: Guest, agent: Agent, answer: dict[str, Any], ask: str
) -> None:
    asked = {"mkdir": lambda: agent.mkdir("x"), "stat": lambda: agent.stat("x"), "metrics": agent.metrics}
    task = asyncio.create_task(asked[ask]())
    await guest.answer(**answer)
    with pytest.raises(errors.ProtocolError):
        await task


@guest_testing.connect()
async def test_unsolicited_response_is_a_protocol_error(guest: Guest, agent: Agent) -> None:
    task = asyncio.create_task(agent.run("raw", "x"))
    await guest.answer(type="ack", action="signal")
    with pytest.raises(errors.ProtocolError):
        await task


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (frames.HEAD + frames.block(b"x") + frames.TAIL, 2),
        (frames.HEAD + frames.block(b"x"), 1),
        (b"no frame", 8),
    ],
)
@guest_testing.connect()
async def test_malformed_file_is_a_protocol_error(guest: Guest, agent: Agent, data: bytes, size: int) -> None:
    task = asyncio.create_task(agent.read_file("x"))
    op_id = (await guest.request())["op_id"]
    piece = {"type": "file_chunk", "data": base64.b64encode(data).decode(), "op_id": op_id}
    await guest.say(piece, {"type": "file_read_complete", "path": "x", "size": size, "op_id": op_id})
    with pytest.raises(errors.ProtocolError):
        await task


@guest_testing.connect()
async def test_unread_terminal_makes_the_guest_wait(guest: Guest, agent: Agent) -> None:
    """A fifth of a gigabyte from a guest does not grow the host's memory; a reader still gets all of it."""
    with _memory_growth(96):
        start = agent.start("raw", "yes", timeout=0, pty=Pty(24, 80))
        started = asyncio.create_task(start.__aenter__())
        op_id = (await guest.request())["op_id"]
        await guest.answer(type="pong", version="1")
        running = await started
        count, chunk = 200, "y" * (1 << 20)
        chunk = chunk[: schema.LIMITS["stdout"]]

        async def flood() -> None:
            for _ in range(count):
                await guest.say({"type": "stdout", "chunk": chunk, "op_id": op_id})
            await guest.say({**_COMPLETE, "op_id": op_id})

        flooding = asyncio.create_task(flood())
        while not agent.connection.stalled:
            await asyncio.sleep(0)
        assert not flooding.done()
        assert sum([len(output.chunk) async for output in running]) == count * len(chunk)
        await flooding


@guest_testing.connect()
async def test_responses_without_a_request_cost_no_memory(guest: Guest, agent: Agent) -> None:
    with _memory_growth(64):
        task = asyncio.create_task(agent.ping(60))
        request = await guest.request()
        for number in range(70):
            for op_id in (None, "never used", f"{number + 1000}"):
                await guest.say({"type": "stdout", "chunk": "y" * 500_000, "op_id": op_id})
        await guest.say({"type": "pong", "version": "1", "op_id": request["op_id"]})
        assert (await task).version == "1"


@pytest.mark.parametrize(
    "response",
    [
        {"type": "pong", "version": "v" * 100_000},
        {"type": "file_list", "path": "", "entries": [{"name": "", "is_dir": True, "size": 0}] * 3000},
        {"type": "stdout", "chunk": "y"},
    ],
    ids=["text", "entries", "many"],
)
@guest_testing.connect()
async def test_unread_responses_make_the_guest_wait(guest: Guest, agent: Agent, response: dict[str, Any]) -> None:
    """A limited amount of a guest's responses waits on the host, for any op_id."""
    with _memory_growth(96):
        start = agent.start("raw", "yes", timeout=0, pty=Pty(24, 80))
        started = asyncio.create_task(start.__aenter__())
        op_id = (await guest.request())["op_id"]
        await guest.answer(type="pong", version="1")
        await started
        line = json.dumps({**response, "op_id": op_id}).encode() + b"\n"
        lines = b"".join([line] * max(1, 1_000_000 // len(line)))
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await guest.say(lines)
                sent += len(lines)

        flooding = asyncio.create_task(flood())
        while not agent.connection.stalled:
            await asyncio.sleep(0)
            # Data in the channel, in both ends of the socket, and in the reader.
            assert sent < 24 << 20
        flooding.cancel()


def test_guest_that_does_not_read_does_not_block_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SEND", 0.2)

    # Python closes the connection of a writer that nothing refers to.
    writers: list[asyncio.StreamWriter] = []

    async def deaf(self: Guest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del self, reader
        writers.append(writer)

    monkeypatch.setattr(Guest, "take", deaf)

    async def talk() -> None:
        async with guest_testing.connected() as (_, agent):
            with pytest.raises(errors.NoAnswerError):
                await agent.write_file("x", bytes(64 << 20))

    asyncio.run(talk())
