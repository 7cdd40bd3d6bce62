"""The library with a well-behaved guest's responses."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from tools.sandbox import errors, frames, guest_testing, program, responses, schema
from tools.sandbox.agent import Agent
from tools.sandbox.guest_testing import Guest

_COMPLETE = {"type": "complete", "exit_code": 0, "execution_time_ms": 5, "spawn_ms": 1, "process_ms": 4}


@guest_testing.connect()
async def test_responses_reach_their_requests(guest: Guest, agent: Agent) -> None:
    ones = [asyncio.create_task(agent.run("raw", f"echo {number}")) for number in range(8)]
    requests = {request["code"]: request for request in [await guest.request() for _ in ones]}
    # The last one first, with chunks of all mixed.
    for stream in ("stdout", "stderr"):
        for number in reversed(range(8)):
            op_id = requests[f"echo {number}"]["op_id"]
            await guest.say({"type": stream, "chunk": f"{stream} {number}", "op_id": op_id})
    for request in requests.values():
        await guest.say({**_COMPLETE, "op_id": request["op_id"], "exit_code": int(request["code"][5:])})
    for number, done in enumerate(await asyncio.gather(*ones)):
        assert done == program.Completed(number, f"stdout {number}", f"stderr {number}", 5)


@guest_testing.connect()
async def test_ninth_program_waits_for_its_turn(guest: Guest, agent: Agent) -> None:
    tasks = [asyncio.create_task(agent.run("raw", "")) for _ in range(9)]
    first = [await guest.request() for _ in range(8)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(guest.requests.get(), 0.1)
    await guest.say({**_COMPLETE, "op_id": first[3]["op_id"]})
    ninth = await guest.request()
    for request in [*first[:3], *first[4:], ninth]:
        await guest.say({**_COMPLETE, "op_id": request["op_id"]})
    assert len(await asyncio.gather(*tasks)) == 9


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("timeout_error", errors.TimedOutError),
        ("path_error", errors.PathError),
        ("io_error", errors.FileError),
        ("some_later_error", errors.AgentError),
    ],
)
@guest_testing.connect()
async def test_error_has_its_class(guest: Guest, agent: Agent, error_type: str, kind: type[errors.AgentError]) -> None:
    task = asyncio.create_task(agent.stat("x"))
    await guest.answer(type="error", error_type=error_type, message="why")
    with pytest.raises(kind, match=f"{error_type}: why") as caught:
        await task
    assert type(caught.value) is kind and caught.value.error_type == error_type


async def _running(guest: Guest) -> str:
    """Start a program, and return its op_id."""
    request = await guest.request()
    await guest.answer(type="pong", version="1")
    return str(request["op_id"])


def test_every_error_type_has_a_class() -> None:
    assert errors.AgentError.types.keys() == set(schema.ERROR_TYPES)


@guest_testing.connect()
async def test_output_is_streamed_and_input_is_sent(guest: Guest, agent: Agent) -> None:
    start = agent.start("raw", "cat", stdin=True)
    started = asyncio.create_task(start.__aenter__())
    op_id = await _running(guest)
    running = await started
    write = asyncio.create_task(running.write(b"x" * 70_000, eof=True))
    one = await guest.answer(type="ack", action="stdin", waiting=5)
    # Unread output does not block responses.
    await guest.say({"type": "stdout", "chunk": "before", "op_id": op_id})
    two = await guest.answer(type="ack", action="stdin", waiting=0)
    await write
    assert [(len(base64.b64decode(r["data"])), r["eof"]) for r in (one, two)] == [(65536, False), (4464, True)]
    signal = asyncio.create_task(running.signal(10))
    assert (await guest.answer(type="ack", action="signal"))["signal"] == 10
    await signal
    resize = asyncio.create_task(running.resize(program.Pty(50, 132)))
    request = await guest.answer(type="ack", action="resize")
    assert (request["rows"], request["cols"]) == (50, 132)
    await resize
    await guest.say({"type": "stdout", "chunk": "after", "op_id": op_id}, {**_COMPLETE, "op_id": op_id})
    assert [output.chunk async for output in running] == ["before", "after"]
    assert (await running.wait()).exit_code == 0


@guest_testing.connect()
async def test_input_waits_for_a_slow_reader(guest: Guest, agent: Agent) -> None:
    start = agent.start("raw", "cat", stdin=True)
    started = asyncio.create_task(start.__aenter__())
    await _running(guest)
    write = asyncio.create_task((await started).write(bytes(128 << 10)))
    await guest.answer(type="ack", action="stdin", waiting=1 << 20)
    # The host queries the unread bytes, and sends no more meanwhile.
    assert (await guest.answer(type="ack", action="stdin", waiting=1 << 20))["data"] == ""
    assert (await guest.answer(type="ack", action="stdin", waiting=0))["data"] == ""
    assert len((await guest.answer(type="ack", action="stdin", waiting=0))["data"]) > 80_000
    await write


@guest_testing.connect()
async def test_input_error_does_not_end_the_program(guest: Guest, agent: Agent) -> None:
    start = agent.start("raw", "", stdin=True)
    started = asyncio.create_task(start.__aenter__())
    op_id = await _running(guest)
    running = await started
    write = asyncio.create_task(running.write(b"x"))
    await guest.answer(type="error", error_type="io_error", message="it takes no more input now")
    with pytest.raises(errors.FileError):
        await write
    # The end overtakes a signal.
    signal = asyncio.create_task(running.signal(15))
    await guest.request()
    await guest.say(
        {**_COMPLETE, "op_id": op_id, "exit_code": 3},
        {"type": "error", "error_type": "request_error", "message": "nothing runs", "op_id": op_id},
    )
    with pytest.raises(errors.RequestError):
        await signal
    assert (await running.wait()).exit_code == 3


@guest_testing.connect()
async def test_rejected_program_does_not_start(guest: Guest, agent: Agent) -> None:
    start = agent.start("raw", "")
    started = asyncio.create_task(start.__aenter__())
    await guest.answer(type="error", error_type="validation_error", message="no")
    await guest.answer(type="pong", version="1")
    with pytest.raises(errors.RefusedError):
        await started


@guest_testing.connect()
async def test_leaving_a_program_ends_it(guest: Guest, agent: Agent) -> None:

    async def leave() -> None:
        async with agent.start("raw", "sleep 600"):
            raise KeyError("enough")

    task = asyncio.create_task(leave())
    op_id = await _running(guest)
    assert (await guest.answer(type="ack", action="cancel"))["action"] == "cancel"
    await guest.say({**_COMPLETE, "op_id": op_id, "exit_code": 137})
    with pytest.raises(KeyError):
        await task


@guest_testing.connect()
async def test_leaving_a_program_discards_its_output(guest: Guest, agent: Agent) -> None:
    """Unread output fills the channel, and the response to `cancel` is behind it."""

    async def leave() -> None:
        async with agent.start("raw", "yes", pty=program.Pty(24, 80)):
            flooded.set()
            await asyncio.Event().wait()

    flooded = asyncio.Event()
    task = asyncio.create_task(leave())
    op_id = await _running(guest)
    await flooded.wait()
    chunk = {"type": "stdout", "chunk": "y" * 500_000, "op_id": op_id}
    flooding = asyncio.create_task(guest.say(*[chunk] * 100))
    while not agent.connection.stalled:
        await asyncio.sleep(0)
    task.cancel()
    assert (await guest.request())["action"] == "cancel"
    await flooding
    # Another task gets its response, though the program has not ended.
    ping = asyncio.create_task(agent.ping(60))
    request = await guest.request()
    await guest.say({"type": "ack", "action": "cancel", "op_id": op_id}, *[chunk] * 20)
    await guest.say({"type": "pong", "version": "1", "op_id": request["op_id"]})
    await ping
    assert not task.done()
    await guest.say({**_COMPLETE, "op_id": op_id, "exit_code": 137})
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("error_type", "action", "kind"),
    [
        ("stdin_not_requested_error", "stdin", errors.StdinNotRequestedError),
        ("stdin_full_error", "stdin", errors.StdinFullError),
        ("code_error", "stdin", errors.CodeError),
        ("some_later_error", "stdin", errors.AgentError),
        # An old agent, without `action` in `error`.
        ("io_error", None, errors.FileError),
    ],
)
@guest_testing.connect()
async def test_input_error_is_recognised_by_its_action(
    guest: Guest, agent: Agent, error_type: str, action: str | None, kind: type[errors.AgentError]
) -> None:
    start = agent.start("raw", "")
    started = asyncio.create_task(start.__aenter__())
    op_id = await _running(guest)
    running = await started
    write = asyncio.create_task(running.write(b"x"))
    await guest.answer(type="error", error_type=error_type, message="no", action=action)
    with pytest.raises(errors.AgentError) as caught:
        await write
    assert type(caught.value) is kind
    # The end of the program has the same error types as its input.
    write = asyncio.create_task(running.write(b"x"))
    await guest.request()
    end = {"type": "error", "error_type": "io_error", "message": "no", "action": "exec", "op_id": op_id}
    await guest.say(end, {"type": "error", "error_type": "request_error", "message": "no", "op_id": op_id})
    with pytest.raises(errors.RequestError):
        await write
    with pytest.raises(errors.FileError):
        await running.wait()


@guest_testing.connect()
async def test_error_without_a_request_is_a_protocol_error(guest: Guest, agent: Agent) -> None:
    task = asyncio.create_task(agent.run("raw", "x"))
    await guest.answer(type="error", error_type="io_error", message="no", action="stdin")
    with pytest.raises(errors.ProtocolError, match="a response to stdin, which was not sent"):
        await task


@guest_testing.connect()
async def test_unknown_metrics_are_none(guest: Guest, agent: Agent) -> None:
    task = asyncio.create_task(agent.metrics())
    await guest.answer(type="metrics", uptime_ms=5)
    assert await task == responses.Metrics(uptime_ms=5)


@guest_testing.connect()
async def test_cancelled_request_ends_its_program(guest: Guest, agent: Agent) -> None:
    task = asyncio.create_task(agent.run("raw", "sleep 600"))
    op_id = (await guest.request())["op_id"]
    task.cancel()
    assert (await guest.answer(type="ack", action="cancel"))["op_id"] == op_id
    await guest.say({**_COMPLETE, "op_id": op_id, "exit_code": 137})
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("size", [0, 5, 128 << 10, 300_001])
@guest_testing.connect()
async def test_file_is_sent_in_chunks(guest: Guest, agent: Agent, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    halves = (content[: size // 2], content[size // 2 :])
    task = asyncio.create_task(agent.write_file("x", halves, executable=True))
    begin = await guest.request()
    assert (begin["path"], begin["make_executable"]) == ("x", True)
    decoder, got = frames.Decoder(), b""
    while (request := await guest.request())["action"] == "file_chunk":
        data = base64.b64decode(request["data"])
        assert len(data) <= 128 << 10
        got += b"".join(decoder.push(data))
    assert (request["action"], got, decoder.whole) == ("file_end", content, True)
    await guest.say({"type": "file_write_ack", "path": "x", "bytes_written": size, "op_id": begin["op_id"]})
    assert await task == size


@guest_testing.connect()
async def test_rejected_file_is_not_sent_to_its_end(guest: Guest, agent: Agent) -> None:
    sent = 0

    def pieces() -> Any:
        nonlocal sent
        while sent < 10_000:
            yield bytes(128 << 10)
            sent += 1

    task = asyncio.create_task(agent.write_file("x", pieces()))
    await guest.answer(type="error", error_type="io_error", message="no room")
    with pytest.raises(errors.FileError, match="no room"):
        await task
    assert sent < 9_000


@guest_testing.connect()
async def test_file_is_received_in_chunks(guest: Guest, agent: Agent) -> None:
    task = asyncio.create_task(agent.read_file("x"))
    op_id = (await guest.request())["op_id"]
    for data in (frames.HEAD + frames.block(b"one "), frames.block(b"two"), frames.TAIL):
        await guest.say({"type": "file_chunk", "data": base64.b64encode(data).decode(), "op_id": op_id})
    await guest.say({"type": "file_read_complete", "path": "x", "size": 7, "op_id": op_id})
    assert await task == b"one two"


@guest_testing.connect()
async def test_leaving_a_file_cancels_it(guest: Guest, agent: Agent) -> None:

    async def leave() -> bytes:
        pieces = agent.download("x")
        first = await anext(pieces)
        await pieces.aclose()
        return first

    task = asyncio.create_task(leave())
    op_id = (await guest.request())["op_id"]
    data = base64.b64encode(frames.HEAD + frames.block(b"one")).decode()
    await guest.say({"type": "file_chunk", "data": data, "op_id": op_id})
    assert (await guest.request())["action"] == "cancel"
    assert await task == b"one"


@guest_testing.connect()
async def test_hello_is_repeated(guest: Guest, agent: Agent) -> None:
    task = asyncio.create_task(agent.greet(60))
    # The first one gets lost.
    await guest.request()
    await guest.answer(type="hello", protocol=1, version="1", boot="")
    assert (await task).version == "1"


@guest_testing.connect(after_another=True)
async def test_rest_of_a_response_to_an_earlier_host_is_dropped(guest: Guest, agent: Agent) -> None:
    await guest.say(b'     "}\n')
    # Whole responses to that host may follow: they have its op_id, or none.
    await guest.say({"type": "stdout", "chunk": "x", "op_id": "1"}, {"type": "pong", "version": "0"})
    task = asyncio.create_task(agent.greet(60))
    await guest.answer(type="hello", protocol=1, version="1", boot="")
    assert (await task).version == "1"
    # Later bytes are not part of the rest.
    task = asyncio.create_task(agent.ping(60))
    await guest.say(b'     "}\n')
    with pytest.raises(errors.ProtocolError):
        await task


@pytest.mark.parametrize("status", ["ok", "error"])
@guest_testing.connect()
async def test_warm_repl_that_fails_raises(guest: Guest, agent: Agent, status: str) -> None:
    warming = asyncio.create_task(agent.warm_repl("python"))
    request = await guest.request()
    assert (request["action"], request["language"]) == ("warm_repl", "python")
    ack = {"type": "warm_repl_ack", "language": "python", "status": status, "message": "no \x1b[31mpython"}
    await guest.say({**ack, "op_id": request["op_id"]})
    if status == "ok":
        return await warming
    with pytest.raises(errors.WarmUpError, match="no [^\x1b]*python"):
        await warming
    return None


@pytest.mark.parametrize("session", [True, False])
@guest_testing.connect()
async def test_run_sends_session(guest: Guest, agent: Agent, session: bool) -> None:
    running = asyncio.create_task(agent.run("raw", "x", session=session))
    request = await guest.request()
    assert request["session"] is session
    await guest.say({**_COMPLETE, "op_id": request["op_id"]})
    await running
