"""The two ports of a guest: requests go out on one; a task delivers the responses from the other to their requests.

The guest is hostile. Anything that no agent sends ends the connection. A limited amount of data waits for a reader:
beyond it, the task stops reading, and the guest has to wait.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import secrets
from collections.abc import Mapping
from typing import Any, Protocol

from tools.sandbox import errors, limits, responses, wire
from tools.sandbox.responses import Response

# Bytes that may wait in a channel: all output of a program without a terminal, so that an unread program does not block
# the others.
_WAITING = 4 << 20

# Memory of a message, and of each entry of a list, in addition to its line.
_WEIGHT = 250

# Seconds in which a running guest reads a part of a request.
_SEND = 120

# Seconds to wait until QEMU creates its sockets.
_CONNECT = 10


class Peer(Protocol):
    """The peer of a connection: a `machine.Machine`."""

    async def open_port(self, index: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port."""
        ...

    def error(self, reason: str) -> errors.MachineError:
        """Return an error with a reason and the machine's last output."""
        ...


def _weight(response: Response, size: int) -> int:
    """Return about how many bytes of memory a response with a line of `size` bytes takes."""
    match response:
        case responses.Stdout(chunk=chunk) | responses.Stderr(chunk=chunk):
            # Of a line with escapes, only the decoded text remains.
            return _WEIGHT + len(chunk)
        case responses.FileList(entries=entries):
            return _WEIGHT * (1 + len(entries)) + size
        case _:
            return _WEIGHT + size


class Channel:
    """The responses to one request, in order."""

    def __init__(self, connection: Connection, op_id: str | None) -> None:
        self._connection = connection
        self._waiting: collections.deque[tuple[Response, int]] = collections.deque()
        self._weight = 0
        self._changed = asyncio.Event()
        self._closed = False
        self.op_id = op_id

    def deliver(self, response: Response, size: int) -> None:
        """Accept a response from the connection.

        Args:
            response: the response.
            size: bytes of its line.

        Raises:
            ValueError: no agent sends it for this request.
        """
        weight = _weight(response, size)
        self._waiting.append((response, weight))
        self._weight += weight
        self._changed.set()

    def fail(self) -> None:
        """Note that nothing more arrives."""
        self._changed.set()

    def peek(self) -> Response | None:
        """Return the next response, if it is there."""
        return self._waiting[0][0] if self._waiting else None

    async def receive(self, timeout: float | None) -> Response:
        """Return the next response, which may be an error.

        Raises:
            NoAnswerError: none arrived within `timeout` seconds.
            MachineError: the connection failed.
        """
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(deadline):
                while not self._waiting:
                    self._connection.check()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise self._connection.no_answer(timeout or 0) from None
        response, weight = self._waiting.popleft()
        self._weight -= weight
        self._connection.wake()
        return response

    @property
    def full(self) -> bool:
        """Whether too much data waits for a reader."""
        return self._weight > _WAITING and not self._closed

    def drop(self, *types: type[Response]) -> None:
        """Drop waiting responses of some types, to read more."""
        self._waiting = collections.deque(item for item in self._waiting if not isinstance(item[0], types))
        self._weight = sum(weight for _, weight in self._waiting)
        self._connection.wake()

    def close(self) -> None:
        """Forget the request. Drop further responses to it."""
        self._closed = True
        self._waiting.clear()
        self._connection.forget(self)


class Connection:
    """A host's connection to both ports: `async with Connection(machine) as connection`."""

    def __init__(self, peer: Peer, *, after_another: bool = False) -> None:
        """Prepare a connection.

        Args:
            peer: the guest.
            after_another: whether another host may have left just now. The first line may then be the rest of a
                response to that one: lines that are not responses are dropped until this host gets its first response.
        """
        self._peer = peer
        self._exit = contextlib.AsyncExitStack()
        self._channels: dict[str | None, Channel] = {}
        # Responses to an earlier host of this guest have other ones.
        self._numbers = itertools.count(secrets.randbits(32))
        self._drops_rest = after_another
        self._failure: errors.MachineError | None = None
        self._room = asyncio.Event()

    async def __aenter__(self) -> Connection:
        async with self._exit:
            _, self._requests = await self._peer.open_port(0, timeout=_CONNECT)
            self._exit.callback(self._requests.close)
            answers_reader, unused = await self._peer.open_port(1, timeout=_CONNECT)
            self._exit.callback(unused.close)
            task = asyncio.create_task(self._read(answers_reader))
            self._exit.push_async_callback(_end, task)
            self._exit = self._exit.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up. This ends all requests."""
        self._fail(self._failure or errors.MachineError("the connection to the guest is closed"))
        await self._exit.aclose()

    # ---- For senders of requests ----

    def open(self, op_id: str | None) -> Channel:
        """Begin to keep the responses with an op_id; those without one for None.

        The connection drops responses without an open channel.
        """
        return self.add(Channel(self, op_id))

    def add(self, channel: Channel) -> Channel:
        """Begin to keep a channel's responses."""
        assert channel.op_id not in self._channels
        self._channels[channel.op_id] = channel
        return channel

    def op_id(self) -> str:
        """Return a new op_id."""
        return f"{next(self._numbers)}"

    async def send(self, request: Mapping[str, Any]) -> None:
        """Send a request.

        Raises:
            ValueError: it is too long.
            MachineError: the connection failed.
        """
        await self.send_bytes(wire.encode(request))

    async def send_bytes(self, line: bytes) -> None:
        """Send bytes unchanged.

        Raises:
            MachineError: the connection failed.
        """
        self.check()
        try:
            self._requests.write(line)
            # A guest that does not read must not block the host, not even while the host hangs up.
            async with asyncio.timeout(_SEND):
                await self._requests.drain()
        except TimeoutError:
            raise self.no_answer(_SEND) from None
        except OSError as error:
            raise self._peer.error("the machine ended before the agent was asked") from error

    # ---- For channels ----

    def check(self) -> None:
        """Raise the error that ended the connection, if it has ended."""
        if self._failure:
            # A new exception for each caller: a traceback belongs to one.
            raise type(self._failure)(str(self._failure)) from self._failure

    def no_answer(self, timeout: float) -> errors.NoAnswerError:
        """Return the error of a timeout."""
        return errors.NoAnswerError(str(self._peer.error(f"the agent did not answer within {timeout:.0f} s")))

    def wake(self) -> None:
        """Continue reading after a channel has room again."""
        self._room.set()

    @property
    def stalled(self) -> bool:
        """Whether the task does not read, because a channel is full."""
        return any(channel.full for channel in self._channels.values())

    def forget(self, channel: Channel) -> None:
        """End a channel."""
        if self._channels.get(channel.op_id) is channel:
            del self._channels[channel.op_id]
        self.wake()

    # ---- The task ----

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                try:
                    line = await reader.readuntil(b"\n")
                except (OSError, asyncio.IncompleteReadError) as error:
                    # If QEMU exits before it has read all data, the socket is reset instead of closed.
                    raise self._peer.error("the machine ended before the agent answered") from error
                except asyncio.LimitOverrunError as error:
                    raise ValueError(f"a line is longer than {limits.RESPONSE} bytes") from error
                try:
                    message = wire.parse(line)
                except (ValueError, RecursionError):
                    if self._drops_rest:
                        continue
                    raise
                channel = self._channels.get(message.op_id) if message else None
                if channel and message:
                    self._drops_rest = False
                    channel.deliver(message.response, len(line))
                    while channel.full:
                        self._room.clear()
                        await self._room.wait()
        except errors.MachineError as error:
            self._fail(error)
        except (ValueError, RecursionError) as error:
            self._fail(
                errors.ProtocolError(str(self._peer.error(f"the guest sent something that no agent sends: {error}")))
            )

    def _fail(self, failure: errors.MachineError) -> None:
        self._failure = failure
        for channel in list(self._channels.values()):
            channel.fail()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
