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

# Seconds to wait for the response to input and similar requests.
_CONTROL_TIMEOUT = 60

# Seconds to wait for the end of a program after leaving it.
_END_TIMEOUT = 10

# Seconds in addition to a program's timeout: the guest sends SIGKILL five seconds after SIGTERM.
_GRACE = 60

# Bytes of input in one request.
_INPUT_PIECE = 64 << 10

# Seconds between two queries whether a program has read its input.
_INPUT_PAUSE = 0.05

# Error types of input and similar requests from old agents without `action` in `error`. Every other error of theirs is
# the end of the program.
_OLD_CONTROL_ERRORS = {"io_error", "request_error", "validation_error"}

# Most characters of output of a program without a terminal: a byte becomes at most one.
_STREAMS = {"stdout": schema.LIMITS["stdout"], "stderr": schema.LIMITS["stderr"]}


@dataclasses.dataclass(frozen=True)
class Output:
    """A chunk of a program's output.

    Attributes:
        stream: stdout or stderr.
        chunk: its text; U+FFFD replaces bytes that are not UTF-8.
    """

    stream: str
    chunk: str


@dataclasses.dataclass(frozen=True)
class Completed:
    """The end of a program, and its output.

    Attributes:
        exit_code: its exit code; 128 plus the signal's number if a signal ended it.
        stdout: its output, except for parts that a caller has iterated over.
        stderr: likewise.
        milliseconds: its duration, by the guest's clock.
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
    """The responses to a program, without those to requests to the running program."""

    def __init__(self, connection: Connection, op_id: str, *, action: str, limited: bool) -> None:
        super().__init__(connection, op_id)
        self._action = action
        self._room = dict(_STREAMS) if limited else None
        self._controls: collections.deque[tuple[str, asyncio.Future[Response]]] = collections.deque()
        self._ended = False
        self._discarding = False

    def deliver(self, response: Response, size: int) -> None:
        """Accept a response; see `Channel.deliver`."""
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
        """Drop waiting and further output: nobody reads it, and responses are behind it."""
        self._discarding = True
        self.drop(responses.Stdout, responses.Stderr)

    def expect(self, action: str) -> asyncio.Future[Response]:
        """Return a future for the response to the next request to the running program.

        Args:
            action: action of that request.
        """
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._controls.append((action, future))
        return future

    def fail(self) -> None:
        """Note that nothing more arrives."""
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
        """Return whether an error concerns a request to the running program, and not the program."""
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
        """Deliver a response to the first waiting request: responses come in the order of requests."""
        if not self._controls or action not in (None, self._controls[0][0]):
            raise ValueError(f"a response to {action or 'a request'}, which was not sent")
        # A sender that no longer waits still gets its response.
        _, future = self._controls.popleft()
        if not future.done():
            future.set_result(response)


class Program:
    """A running program: iterate over its output, `wait` for its end.

    Leaving `async with` ends it. A program with a terminal may print without end. If nobody reads its output, the
    connection eventually stops reading, and the guest makes the program wait.
    """

    def __init__(self, connection: Connection, channel: ProgramChannel, timeout: int) -> None:
        self._connection = connection
        self._channel = channel
        # A timeout of 0 is no timeout.
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
        """Whether the next event is an error."""
        return isinstance(self._channel.peek(), responses.Error)

    def __aiter__(self) -> AsyncIterator[Output]:
        return self._outputs()

    async def _outputs(self) -> AsyncIterator[Output]:
        while output := await self._next():
            yield output
        if isinstance(self._end, errors.AgentError):
            raise self._end

    async def _next(self) -> Output | None:
        """Return the next chunk of output, or None after the end of the program."""
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
        """Read the rest of the output, and return the end of the program.

        Raises:
            AgentError: the agent rejected it, or ended it.
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
        """Send input to a program that was started with `stdin` or a terminal, and wait until it has read most of it.

        Args:
            data: the input, of any length.
            eof: whether this is the end of the input.

        Raises:
            FileError: the program accepts no more input.
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
        """Change the size of the program's terminal.

        Raises:
            RequestError: it has ended.
        """
        await self._control("resize", rows=pty.rows, cols=pty.columns)

    async def cancel(self) -> None:
        """Kill the program if it still runs. Its exit code is then that of SIGKILL."""
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
            # Either the connection failed, or the caller is cancelled.
            self._connection.check()
            raise
        if isinstance(response, responses.Error):
            raise errors.agent_error(response)
        assert isinstance(response, responses.Ack)
        return response


async def start(connection: Connection, request: Mapping[str, Any], *, timeout: int, limited: bool = True) -> Program:
    """Request a program, without waiting until it runs.

    Args:
        connection: to the guest.
        request: the request, without an op_id.
        timeout: seconds after which the guest ends it; 0 for no limit.
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
    """Wait until the agent has started or rejected a program.

    Responses come in the order of requests: a response before that to a ping concerns the start.

    Raises:
        AgentError: the agent rejected it.
    """
    ping = connection.open(connection.op_id())
    try:
        await connection.send({"action": "ping", "op_id": ping.op_id})
        await ping.receive(_CONTROL_TIMEOUT)
    finally:
        ping.close()
    if program.refused:
        await program.wait()
