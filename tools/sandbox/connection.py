"""The two ports of a guest: requests go out on one; a task hands the answers of the other to whom they are for.

The guest is hostile. What no agent sends ends the connection, and how much may wait to be taken is bounded: beyond that
nothing more is read, which in the end makes the guest wait.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
from collections.abc import Mapping
from typing import Any, Protocol

from tools.sandbox import errors, limits, responses, wire
from tools.sandbox.responses import Response

# What may wait in a channel. It holds all that a program without a terminal may print, so that nobody who leaves that
# for later holds up the others.
_WAITING = 4 << 20

# What a message, and each entry of a list, weighs besides its line.
_WEIGHT = 250

# Seconds in which a guest that runs takes a part of a request.
_SEND = 120

# Seconds to wait for QEMU to make its sockets.
_CONNECT = 10


class Peer(Protocol):
    """What a connection is made to: a `machine.Machine`."""

    async def open_port(self, index: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port."""
        ...

    def error(self, reason: str) -> errors.MachineError:
        """Return an error that says why, and what the machine said last."""
        ...


def _weight(response: Response, size: int) -> int:
    """Return about how many bytes of memory a response takes whose line has `size` bytes."""
    match response:
        case responses.Stdout(chunk=chunk) | responses.Stderr(chunk=chunk):
            # Of a line of escapes only the text is kept.
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
        """Take a response from the connection.

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
        """Take the news that nothing more comes."""
        self._changed.set()

    def peek(self) -> Response | None:
        """Return the response that is next, if it is there."""
        return self._waiting[0][0] if self._waiting else None

    async def receive(self, timeout: float | None) -> Response:
        """Return the next response, which may be an error.

        Raises:
            NoAnswerError: none came within `timeout` seconds.
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
        """Whether so much waits that nothing more is to be read."""
        return self._weight > _WAITING and not self._closed

    def drop(self, *types: type[Response]) -> None:
        """Forget the responses of some types that wait, so that more is read."""
        self._waiting = collections.deque(item for item in self._waiting if not isinstance(item[0], types))
        self._weight = sum(weight for _, weight in self._waiting)
        self._connection.wake()

    def close(self) -> None:
        """Forget the request; what still comes for it is dropped."""
        self._closed = True
        self._waiting.clear()
        self._connection.forget(self)


class Connection:
    """A host's hold of both ports: `async with Connection(machine) as connection`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._exit = contextlib.AsyncExitStack()
        self._channels: dict[str | None, Channel] = {}
        self._numbers = itertools.count(1)
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
        """Hangs up, which ends everything that was asked for."""
        self._fail(self._failure or errors.MachineError("the connection to the guest is closed"))
        await self._exit.aclose()

    # ---- For who asks ----

    def open(self, op_id: str | None) -> Channel:
        """Begins to keep the answers that carry an op_id; those without one for None.

        Answers that no channel is open for are dropped.
        """
        return self.add(Channel(self, op_id))

    def add(self, channel: Channel) -> Channel:
        """Begins to keep a channel's answers."""
        assert channel.op_id not in self._channels
        self._channels[channel.op_id] = channel
        return channel

    def op_id(self) -> str:
        """Return an op_id that was not used before."""
        return f"{next(self._numbers)}"

    async def send(self, request: Mapping[str, Any]) -> None:
        """Send a request.

        Raises:
            ValueError: it is too long.
            MachineError: the connection failed.
        """
        await self.send_bytes(wire.encode(request))

    async def send_bytes(self, line: bytes) -> None:
        """Send bytes as they are.

        Raises:
            MachineError: the connection failed.
        """
        self.check()
        try:
            self._requests.write(line)
            # A guest that reads nothing must not keep the host, not even one that leaves it.
            async with asyncio.timeout(_SEND):
                await self._requests.drain()
        except TimeoutError:
            raise self.no_answer(_SEND) from None
        except OSError as error:
            raise self._peer.error("the machine ended before the agent was asked") from error

    # ---- For channels ----

    def check(self) -> None:
        """Raise why there is no connection any more, if so."""
        if self._failure:
            # One of its own for each who asks: a traceback belongs to one.
            raise type(self._failure)(str(self._failure)) from self._failure

    def no_answer(self, timeout: float) -> errors.NoAnswerError:
        """Return the error of having waited in vain."""
        return errors.NoAnswerError(str(self._peer.error(f"the agent did not answer within {timeout:.0f} s")))

    def wake(self) -> None:
        """Say that there is room again."""
        self._room.set()

    @property
    def stalled(self) -> bool:
        """Whether nothing is read, because a channel is full."""
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
                    # Where QEMU ended before it read what was sent, the socket is reset instead of closed.
                    raise self._peer.error("the machine ended before the agent answered") from error
                except asyncio.LimitOverrunError as error:
                    raise ValueError(f"a line is longer than {limits.RESPONSE} bytes") from error
                message = wire.parse(line)
                channel = self._channels.get(message.op_id) if message else None
                if channel and message:
                    channel.deliver(message.response, len(line))
                    while channel.full:
                        self._room.clear()
                        await self._room.wait()
        except errors.MachineError as error:
            self._fail(error)
        except (ValueError, RecursionError) as error:
            self._fail(errors.ProtocolError(str(self._peer.error(f"the guest sent what no agent sends: {error}"))))

    def _fail(self, failure: errors.MachineError) -> None:
        self._failure = failure
        for channel in list(self._channels.values()):
            channel.fail()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
