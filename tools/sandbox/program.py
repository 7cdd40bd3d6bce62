"""A program that runs in a guest."""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tools.sandbox import answers, errors, limits
from tools.sandbox.answers import Answer
from tools.sandbox.connection import Channel, Connection

# Seconds to wait for the answer to input and the like.
_CONTROL_TIMEOUT = 60

# Seconds to wait for the end of a program that was left.
_END_TIMEOUT = 10

# Seconds beyond a program's own timeout: the guest kills what ignores SIGTERM five seconds after it.
_GRACE = 60

# Bytes of input in one request.
_INPUT_PIECE = 64 << 10

# Seconds between two questions whether a program has read its input.
_INPUT_PAUSE = 0.05

# Errors of input and the like. Every other one is the end of the program.
_CONTROL_ERRORS = {"io_error", "request_error", "validation_error"}


@dataclasses.dataclass(frozen=True)
class Completed:
    """The end of a program, and what it printed.

    Attributes:
        exit_code: its exit code; 128 and the signal's number where a signal ended it.
        stdout: what it printed, as far as nobody has iterated over it.
        stderr: likewise.
        milliseconds: how long it ran, by the guest's clock.
    """

    exit_code: int
    stdout: str
    stderr: str
    milliseconds: int


@dataclasses.dataclass(frozen=True)
class Pty:
    """A terminal for a program.

    Attributes:
        rows: its height.
        columns: its width.
    """

    rows: int
    columns: int


class ProgramChannel(Channel):
    """The answers of a program, apart from those to what is asked of the running program."""

    def __init__(self, connection: Connection, op_id: str, *, limited: bool) -> None:
        super().__init__(connection, op_id)
        self._room = dict(limits.STREAMS) if limited else None
        self._controls: collections.deque[asyncio.Future[Answer]] = collections.deque()
        self._ended = False

    def deliver(self, answer: Answer) -> None:
        """Takes an answer; see `Channel.deliver`."""
        match answer:
            case answers.Ack():
                self._settle(answer)
                return
            case answers.Failure() if self._controls and (self._ended or answer.error_type in _CONTROL_ERRORS):
                self._settle(answer)
                return
            case answers.Output(stream=stream, chunk=chunk) if self._room is not None:
                self._room[stream] -= len(chunk)
                if self._room[stream] < 0:
                    raise ValueError(f"more than {limits.STREAMS[stream]} characters of {stream}")
            case answers.Failure() | answers.Complete():
                self._ended = True
            case _:
                pass
        super().deliver(answer)

    def expect(self) -> asyncio.Future[Answer]:
        """Returns what the answer to the next request to the running program becomes."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._controls.append(future)
        return future

    def fail(self) -> None:
        """Takes the news that nothing more comes."""
        while self._controls:
            if not (future := self._controls.popleft()).done():
                future.cancel()
        super().fail()

    def close(self) -> None:
        """Forgets the program."""
        super().close()
        self.fail()

    def _settle(self, answer: Answer) -> None:
        if not self._controls:
            raise ValueError("an answer that nothing was asked for")
        # The answer to one who waits no longer still is the answer to that one.
        if not (future := self._controls.popleft()).done():
            future.set_result(answer)


class Program:
    """A running program: iterate over its output, `wait` for its end.

    Who leaves `async with` ends it. A program with a terminal may print without end: if nobody takes its output, then
    in the end nothing of the connection is read any more, and the guest makes it wait.
    """

    def __init__(self, connection: Connection, channel: ProgramChannel, timeout: int) -> None:
        self._connection = connection
        self._channel = channel
        # A timeout of 0 is none.
        self._deadline = asyncio.get_running_loop().time() + timeout + _GRACE if timeout else None
        self._end: answers.Complete | errors.AgentError | None = None

    async def __aenter__(self) -> Program:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if not self._end:
                with contextlib.suppress(errors.SandboxError, TimeoutError):
                    async with asyncio.timeout(_END_TIMEOUT):
                        await self.cancel()
                        await self.wait()
        finally:
            self._channel.close()

    @property
    def refused(self) -> bool:
        """Whether the next thing to know of it is an error."""
        return isinstance(self._channel.peek(), answers.Failure)

    def __aiter__(self) -> AsyncIterator[answers.Output]:
        return self._outputs()

    async def _outputs(self) -> AsyncIterator[answers.Output]:
        while output := await self._next():
            yield output
        if isinstance(self._end, errors.AgentError):
            raise self._end

    async def _next(self) -> answers.Output | None:
        """Returns the next piece of output, or nothing when the program has ended."""
        if self._end:
            return None
        left = None if self._deadline is None else max(self._deadline - asyncio.get_running_loop().time(), 0)
        match await self._channel.receive(left):
            case answers.Output() as output:
                return output
            case answers.Complete() as complete:
                self._end = complete
            case answers.Failure() as failure:
                self._end = failure.error()
            case other:
                raise errors.ProtocolError(f"the agent answered a program with {type(other).__name__}")
        return None

    async def wait(self) -> Completed:
        """Reads what is left of the output, and returns how the program ended.

        Raises:
            AgentError: the agent refused it, or ended it.
            NoAnswerError: it did not end long after its timeout.
        """
        output: dict[str, list[str]] = {"stdout": [], "stderr": []}
        async for piece in self:
            output[piece.stream].append(piece.chunk)
        assert isinstance(self._end, answers.Complete)
        return Completed(
            exit_code=self._end.exit_code,
            milliseconds=self._end.milliseconds,
            stdout="".join(output["stdout"]),
            stderr="".join(output["stderr"]),
        )

    async def write(self, data: bytes, *, eof: bool = False) -> None:
        """Hands input to a program that was started with `stdin` or a terminal, and waits until most of it is read.

        Args:
            data: the input, of any length.
            eof: whether there is no more.

        Raises:
            FileError: the program takes no more input.
            RequestError: it has ended.
        """
        waiting = 0
        for start in range(0, len(data), _INPUT_PIECE):
            while waiting + _INPUT_PIECE > limits.INPUT:
                await asyncio.sleep(_INPUT_PAUSE)
                waiting = await self._write(b"", eof=False)
            piece = data[start : start + _INPUT_PIECE]
            waiting = await self._write(piece, eof=eof and start + _INPUT_PIECE >= len(data))
        if eof and not data:
            await self._write(b"", eof=True)

    async def _write(self, data: bytes, *, eof: bool) -> int:
        return (await self._control("stdin", data=base64.b64encode(data).decode(), eof=eof)).waiting

    async def signal(self, number: int) -> None:
        """Sends a signal to the program and its group.

        Raises:
            RequestError: it has ended.
        """
        await self._control("signal", signal=int(number))

    async def resize(self, pty: Pty) -> None:
        """Gives the program's terminal another size.

        Raises:
            RequestError: it has ended.
        """
        await self._control("resize", rows=pty.rows, cols=pty.columns)

    async def cancel(self) -> None:
        """Kills the program, if it still runs; its end is then that of SIGKILL."""
        with contextlib.suppress(errors.RequestError):
            await self._control("cancel")

    async def _control(self, action: str, **fields: Any) -> answers.Ack:
        future = self._channel.expect()
        await self._connection.send({"action": action, "op_id": self._channel.op_id, **fields})
        try:
            answer = await asyncio.wait_for(future, _CONTROL_TIMEOUT)
        except TimeoutError:
            raise self._connection.no_answer(_CONTROL_TIMEOUT) from None
        except asyncio.CancelledError:
            # Either the connection failed, or who waits is cancelled.
            self._connection.check()
            raise
        if isinstance(answer, answers.Failure):
            raise answer.error()
        assert isinstance(answer, answers.Ack)
        if answer.action != action:
            raise errors.ProtocolError(f"the agent answered {action} with {answer.action!r}")
        return answer


async def start(connection: Connection, request: Mapping[str, Any], *, timeout: int, limited: bool = True) -> Program:
    """Asks for a program, and does not wait until it runs.

    Args:
        connection: to the guest.
        request: the request, without an op_id.
        timeout: seconds after which the guest ends it; 0 is never.
        limited: whether the guest limits its output.
    """
    channel = ProgramChannel(connection, connection.op_id(), limited=limited)
    connection.add(channel)
    try:
        await connection.send({**request, "op_id": channel.op_id, "timeout": timeout})
    except BaseException:
        channel.close()
        raise
    return Program(connection, channel, timeout)


async def until_it_runs(connection: Connection, program: Program) -> None:
    """Waits until the agent has started a program, or refused to.

    Answers come in the order of requests: what comes before that to a ping is about the start.

    Raises:
        AgentError: it refused.
    """
    ping = connection.open(connection.op_id())
    try:
        await connection.send({"action": "ping", "op_id": ping.op_id})
        await ping.receive(_CONTROL_TIMEOUT)
    finally:
        ping.close()
    if program.refused:
        await program.wait()
