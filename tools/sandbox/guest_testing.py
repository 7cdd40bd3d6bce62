"""A guest under a test's control: tests of the host's library without a machine."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import pathlib
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, Concatenate

from tools.sandbox import errors, limits, schema
from tools.sandbox.agent import Agent


class Guest:
    """Both ports of a guest, from the guest's point of view."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self.requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: asyncio.StreamWriter | None = None
        self._answers_there = asyncio.Event()

    async def open_port(self, index: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, like `machine.Machine`."""
        del timeout
        return await asyncio.open_unix_connection(self._directory / f"port{index}", limit=limits.RESPONSE)

    def error(self, reason: str) -> errors.MachineError:
        """Return an error, like `machine.Machine`."""
        return errors.MachineError(reason)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep the requests of a host."""
        with contextlib.closing(writer):
            while line := await reader.readline():
                self.requests.put_nowait(json.loads(line))

    async def give(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep the port for responses."""
        del reader
        self.answers = writer
        self._answers_there.set()

    async def request(self) -> dict[str, Any]:
        """Return the next request."""
        return await asyncio.wait_for(self.requests.get(), 10)

    async def say(self, *lines: bytes | dict[str, Any]) -> None:
        """Send responses: bytes unchanged, and an error with the agent's version."""
        await asyncio.wait_for(self._answers_there.wait(), 10)
        assert self.answers
        for line in lines:
            if not isinstance(line, bytes):
                version = {"version": "1"} if line.get("type") == "error" else {}
                line = json.dumps({**version, **line}).encode() + b"\n"
            self.answers.write(line)
        await self.answers.drain()

    async def answer(self, **fields: Any) -> dict[str, Any]:
        """Receive a request, answer it with these fields, and return it."""
        request = await self.request()
        await self.say({**fields, "op_id": request["op_id"]})
        return request

    def hang_up(self) -> None:
        """End the port for responses, like an ended machine."""
        assert self.answers
        self.answers.close()


@contextlib.asynccontextmanager
async def _serving(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], path: pathlib.Path
) -> AsyncGenerator[None]:
    """Serve a port."""
    server = await asyncio.start_unix_server(handle, path, limit=schema.LIMITS["request"])
    try:
        yield
    finally:
        server.close()
        # The server waits for its connections, and the port for responses stays open.
        server.close_clients()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def connected(*, after_another: bool = False) -> AsyncGenerator[tuple[Guest, Agent]]:
    """Yield a guest, and an agent that is connected to it; see `Agent`."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        guest = Guest(pathlib.Path(directory))
        async with (
            _serving(guest.take, pathlib.Path(directory) / "port0"),
            _serving(guest.give, pathlib.Path(directory) / "port1"),
            Agent(guest, after_another=after_another) as agent,
        ):
            yield guest, agent


def connect[**P](
    *, after_another: bool = False
) -> Callable[[Callable[Concatenate[Guest, Agent, P], Coroutine[Any, Any, None]]], Callable[P, None]]:
    """Return a decorator of an asynchronous test, which passes it a guest and a connected agent."""

    def decorate(test: Callable[Concatenate[Guest, Agent, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
        async def talk(*args: P.args, **kwargs: P.kwargs) -> None:
            async with connected(after_another=after_another) as (guest, agent):
                await test(guest, agent, *args, **kwargs)

        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            asyncio.run(talk(*args, **kwargs))

        # pytest reads the parameters of a test from its signature.
        signature = inspect.signature(test)
        parameters = list(signature.parameters.values())[2:]
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        run.__dict__["__signature__"] = signature.replace(parameters=parameters)
        return run

    return decorate
