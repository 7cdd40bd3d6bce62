"""A program that runs in a guest."""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tools.sandbox import errors, responses, schema
from tools.sandbox.connection import Channel, Connection
from tools.sandbox.responses import Response

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

# Errors of input and the like from agents that do not say which request an error is about: those that were released
# before `error` had an `action`. Every other error of theirs is the end of the program.
_OLD_CONTROL_ERRORS = {"io_error", "request_error", "validation_error"}

# Most characters of output of a program without a terminal: a byte becomes at most one.
_STREAMS = {"stdout": schema.LIMITS["stdout"], "stderr": schema.LIMITS["stderr"]}


@dataclasses.dataclass(frozen=True)
class Output:
    """A chunk of a program's output.

    Attributes:
        stream: stdout or stderr.
        chunk: what it wrote; U+FFFD stands for bytes that are not UTF-8.
    """

    stream: str
    chunk: str


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
    """The responses to a program, apart from those to requests to the running program."""

    def __init__(self, connection: Connection, op_id: str, *, action: str, limited: bool) -> None:
        super().__init__(connection, op_id)
        self._action = action
        self._room = dict(_STREAMS) if limited else None
        self._controls: collections.deque[tuple[str, asyncio.Future[Response]]] = collections.deque()
        self._ended = False
        self._discarding = False

    def deliver(self, response: Response, size: int) -> None:
        """Take a response; see `Channel.deliver`."""
        match response:
            case responses.Ack(action=action):
                self._settle(action, response)
                return
            case responses.Error() if self._is_of_control(response):
                self._settle(response.action, response)
                return
            case responses.Stdout(chunk=chunk):
                self._count("stdout", chunk)
            case responses.Stderr(chunk=chunk):
                self._count("stderr", chunk)
            case responses.Error() | responses.Complete():
                self._ended = True
            case _:
                pass
        if not (self._discarding and isinstance(response, (responses.Stdout, responses.Stderr))):
            super().deliver(response, size)

    def discard(self) -> None:
        """Drop output from now on, with what waits: nobody takes it, and responses are behind it."""
        self._discarding = True
        self.drop(responses.Stdout, responses.Stderr)

    def expect(self, action: str) -> asyncio.Future[Response]:
        """Return what the response to the next request to the running program becomes.

        Args:
            action: action of that request.
        """
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._controls.append((action, future))
        return future

    def fail(self) -> None:
        """Take the news that nothing more comes."""
        while self._controls:
            _, future = self._controls.popleft()
            if not future.done():
                future.cancel()
        super().fail()

    def close(self) -> None:
        """Forget the program."""
        super().close()
        self.fail()

    def _is_of_control(self, error: responses.Error) -> bool:
        """Return whether an error is about a request to the running program, and not about the program."""
        if error.action is not None:
            return error.action != self._action
        return bool(self._controls) and (self._ended or error.error_type in _OLD_CONTROL_ERRORS)

    def _count(self, stream: str, chunk: str) -> None:
        if self._room is None:
            return
        self._room[stream] -= len(chunk)
        if self._room[stream] < 0:
            raise ValueError(f"more than {_STREAMS[stream]} characters of {stream}")

    def _settle(self, action: str | None, response: Response) -> None:
        """Hand a response to the first request that waits for one: they come in the order of requests."""
        if not self._controls or action not in (None, self._controls[0][0]):
            raise ValueError(f"a response to {action or 'a request'}, which was not sent")
        # A request whose sender waits no longer is answered all the same.
        _, future = self._controls.popleft()
        if not future.done():
            future.set_result(response)


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
        self._end: responses.Complete | errors.AgentError | None = None

    async def __aenter__(self) -> Program:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if not self._end:
                # Before cancelling: the response may be behind output that fills the channel.
                self._channel.discard()
                with contextlib.suppress(errors.SandboxError, TimeoutError):
                    async with asyncio.timeout(_END_TIMEOUT):
                        await self.cancel()
                        await self.wait()
        finally:
            self._channel.close()

    @property
    def refused(self) -> bool:
        """Whether the next thing to know of it is an error."""
        return isinstance(self._channel.peek(), responses.Error)

    def __aiter__(self) -> AsyncIterator[Output]:
        return self._outputs()

    async def _outputs(self) -> AsyncIterator[Output]:
        while output := await self._next():
            yield output
        if isinstance(self._end, errors.AgentError):
            raise self._end

    async def _next(self) -> Output | None:
        """Return the next piece of output, or nothing when the program has ended."""
        if self._end:
            return None
        left = None if self._deadline is None else max(self._deadline - asyncio.get_running_loop().time(), 0)
        match await self._channel.receive(left):
            case responses.Stdout(chunk=chunk):
                return Output("stdout", chunk)
            case responses.Stderr(chunk=chunk):
                return Output("stderr", chunk)
            case responses.Complete() as complete:
                self._end = complete
            case responses.Error() as error:
                self._end = errors.agent_error(error)
            case other:
                raise errors.ProtocolError(f"the agent answered a program with {type(other).__name__}")
        return None

    async def wait(self) -> Completed:
        """Read what is left of the output, and return how the program ended.

        Raises:
            AgentError: the agent refused it, or ended it.
            NoAnswerError: it did not end long after its timeout.
        """
        output: dict[str, list[str]] = {"stdout": [], "stderr": []}
        async for piece in self:
            output[piece.stream].append(piece.chunk)
        assert isinstance(self._end, responses.Complete)
        return Completed(
            exit_code=self._end.exit_code,
            milliseconds=self._end.execution_time_ms,
            stdout="".join(output["stdout"]),
            stderr="".join(output["stderr"]),
        )

    async def write(self, data: bytes, *, eof: bool = False) -> None:
        """Hand input to a program that was started with `stdin` or a terminal, and wait until most of it is read.

        Args:
            data: the input, of any length.
            eof: whether there is no more.

        Raises:
            FileError: the program takes no more input.
            RequestError: it has ended.
        """
        waiting = 0
        for start in range(0, len(data), _INPUT_PIECE):
            while waiting + _INPUT_PIECE > schema.LIMITS["stdin"]:
                await asyncio.sleep(_INPUT_PAUSE)
                waiting = await self._write(b"", eof=False)
            piece = data[start : start + _INPUT_PIECE]
            waiting = await self._write(piece, eof=eof and start + _INPUT_PIECE >= len(data))
        if eof and not data:
            await self._write(b"", eof=True)

    async def _write(self, data: bytes, *, eof: bool) -> int:
        return (await self._control("stdin", data=base64.b64encode(data).decode(), eof=eof)).waiting or 0

    async def signal(self, number: int) -> None:
        """Send a signal to the program and its group.

        Raises:
            RequestError: it has ended.
        """
        await self._control("signal", signal=int(number))

    async def resize(self, pty: Pty) -> None:
        """Give the program's terminal another size.

        Raises:
            RequestError: it has ended.
        """
        await self._control("resize", rows=pty.rows, cols=pty.columns)

    async def cancel(self) -> None:
        """Kill the program, if it still runs; its end is then that of SIGKILL."""
        with contextlib.suppress(errors.RequestError):
            await self._control("cancel")

    async def _control(self, action: str, **fields: Any) -> responses.Ack:
        future = self._channel.expect(action)
        await self._connection.send({"action": action, "op_id": self._channel.op_id, **fields})
        try:
            response = await asyncio.wait_for(future, _CONTROL_TIMEOUT)
        except TimeoutError:
            raise self._connection.no_answer(_CONTROL_TIMEOUT) from None
        except asyncio.CancelledError:
            # Either the connection failed, or who waits is cancelled.
            self._connection.check()
            raise
        if isinstance(response, responses.Error):
            raise errors.agent_error(response)
        assert isinstance(response, responses.Ack)
        return response


async def start(connection: Connection, request: Mapping[str, Any], *, timeout: int, limited: bool = True) -> Program:
    """Ask for a program, and does not wait until it runs.

    Args:
        connection: to the guest.
        request: the request, without an op_id.
        timeout: seconds after which the guest ends it; 0 is never.
        limited: whether the guest limits its output.
    """
    channel = ProgramChannel(connection, connection.op_id(), action=request["action"], limited=limited)
    connection.add(channel)
    try:
        await connection.send({**request, "op_id": channel.op_id, "timeout": timeout})
    except BaseException:
        channel.close()
        raise
    return Program(connection, channel, timeout)


async def until_it_runs(connection: Connection, program: Program) -> None:
    """Wait until the agent has started a program, or refused to.

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
