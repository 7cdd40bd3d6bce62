"""A guest's agent, from the host's point of view.

    async with Machine(guest) as machine, Agent(machine) as agent:
        await agent.ping(60)
        print((await agent.run("python", "print(6 * 7)")).stdout)

Any number of tasks may send requests at the same time. Requests beyond the guest's limit wait here for their turn.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from tools.cli.text import printable
from tools.sandbox import errors, program, responses, schema, transfers
from tools.sandbox.connection import Connection, Peer
from tools.sandbox.program import Completed, Program, Pty

# Seconds to wait for the response to a short request.
_TIMEOUT = 60

# Seconds to wait for an interpreter, for which a guest takes up to 100.
_WARM_UP = 120

# Seconds between two `hello` requests.
_GREETING = 2


class Agent:
    """The agent of a running machine: `async with Agent(machine) as agent`.

    Attributes:
        connection: the connection to it.
    """

    def __init__(self, machine: Peer, *, after_another: bool = False) -> None:
        """Prepare a connection; see `Connection`. A host that comes after another one greets the agent first."""
        self.connection = Connection(machine, after_another=after_another)
        self._programs = asyncio.Semaphore(schema.LIMITS["programs"])
        self._uploads = asyncio.Semaphore(schema.LIMITS["files"])
        self._downloads = asyncio.Semaphore(schema.LIMITS["files"])

    async def __aenter__(self) -> Agent:
        await self.connection.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.__aexit__()

    async def _ask[R: responses.Response](
        self, kind: type[R], action: str, *, timeout: float = _TIMEOUT, **fields: Any
    ) -> R:
        """Send a request with a single response, and return the response.

        Raises:
            AgentError: the response is an error.
            ProtocolError: it is not a response to this request.
        """
        channel = self.connection.open(self.connection.op_id())
        try:
            await self.connection.send({"action": action, "op_id": channel.op_id, **fields})
            response = await channel.receive(timeout)
        finally:
            channel.close()
        if isinstance(response, responses.Error):
            raise errors.agent_error(response)
        if not isinstance(response, kind):
            raise errors.ProtocolError(f"the agent answered {action} with {type(response).__name__}")
        return response

    async def _do(self, action: str, **fields: Any) -> None:
        acked = (await self._ask(responses.Ack, action, **fields)).action
        if acked != action:
            raise errors.ProtocolError(f"the agent answered {action} with {acked!r}")

    # ---- The agent ----

    async def ping(self, timeout: float) -> responses.Pong:
        """Wait until the guest has booted, at most `timeout` seconds."""
        return await self._ask(responses.Pong, "ping", timeout=timeout)

    async def greet(self, timeout: float) -> responses.Hello:
        """Send `hello` to a guest that another host may have just left: the agent may mistake an early request for its.

        Later requests are this host's.

        Raises:
            NoAnswerError: the guest has not answered within `timeout` seconds, despite repetitions.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                return await self.hello(timeout=min(left, _GREETING))
            except errors.NoAnswerError:
                if left <= _GREETING:
                    raise

    async def hello(self, protocol: int = 1, *, timeout: float = _TIMEOUT) -> responses.Hello:
        """Agree on a protocol."""
        return await self._ask(responses.Hello, "hello", protocol=protocol, timeout=timeout)

    # ---- Programs ----

    async def warm_repl(self, language: str, *, timeout: float = _WARM_UP) -> None:
        """Start the interpreter of a language's session, and wait until it is ready.

        Args:
            language: python, javascript or raw.
            timeout: seconds to wait for it.

        Raises:
            WarmUpError: the guest cannot start it.
        """
        ack = await self._ask(responses.WarmReplAck, "warm_repl", timeout=timeout, language=language)
        if ack.status != "ok":
            reason = printable((ack.message or "").encode(errors="replace"))
            raise errors.WarmUpError(f"the guest cannot start an interpreter for a session in {language}: {reason}")

    async def run(
        self,
        language: str,
        code: str,
        *,
        timeout: int = 60,
        env_vars: Mapping[str, str] | None = None,
        session: bool = False,
    ) -> Completed:
        """Run code and gather its output.

        Args:
            language: python, javascript or raw.
            code: the program.
            timeout: seconds after which the guest ends it.
            env_vars: variables added to its environment.
            session: whether it runs in the interpreter that the guest keeps for the language.

        Raises:
            AgentError: the agent rejected it, or ended it.
        """
        return await self._gather(_exec(language, code, env_vars, session=session), timeout)

    @contextlib.asynccontextmanager
    async def start(
        self,
        language: str,
        code: str,
        *,
        timeout: int = 60,
        env_vars: Mapping[str, str] | None = None,
        stdin: bool = False,
        pty: Pty | None = None,
        session: bool = False,
    ) -> AsyncGenerator[Program]:
        """Start code. Leaving the block ends it: `async with agent.start("raw", "cat", stdin=True) as running`.

        Args:
            language: python, javascript or raw.
            code: the program.
            timeout: seconds after which the guest ends it; 0 for no limit.
            env_vars: variables added to its environment.
            stdin: whether it reads the data of `Program.write`; otherwise its input is empty.
            pty: the size of its terminal, if it has one. Its output then is all `stdout`, and unlimited.
            session: whether it runs in the interpreter that the guest keeps for the language, which has neither `stdin`
                nor `pty`. Leaving the block then ends the interpreter.

        Raises:
            AgentError: the agent rejected it.
        """
        request = _exec(language, code, env_vars, session=session)
        if stdin:
            request["stdin"] = True
        if pty:
            request["pty"] = {"rows": pty.rows, "cols": pty.columns}
        async with (
            self._programs,
            await program.start(self.connection, request, timeout=timeout, limited=not pty) as running,
        ):
            await program.until_it_runs(self.connection, running)
            yield running

    async def install_packages(self, language: str, packages: Sequence[str], *, timeout: int = 300) -> Completed:
        """Install packages, each with its version.

        Raises:
            AgentError: the agent rejected them.
        """
        request = {"action": "install_packages", "language": language, "packages": list(packages)}
        return await self._gather(request, timeout)

    async def _gather(self, request: Mapping[str, Any], timeout: int) -> Completed:
        async with self._programs, await program.start(self.connection, request, timeout=timeout) as running:
            return await running.wait()

    # ---- Files in the guest's home ----

    async def write_file(self, path: str, content: transfers.Content, *, executable: bool = False) -> int:
        """Replace or create a file atomically. Return its size.

        Args:
            path: its path.
            content: all of it, or chunks of any size.
            executable: whether it can be executed.
        """
        async with self._uploads:
            return await transfers.upload(self.connection, path, content, executable=executable)

    async def download(self, path: str) -> AsyncGenerator[bytes]:
        """Yield a file in chunks."""
        async with self._downloads, contextlib.aclosing(transfers.download(self.connection, path)) as pieces:
            async for piece in pieces:
                yield piece

    async def read_file(self, path: str) -> bytes:
        """Return a file."""
        return b"".join([piece async for piece in self.download(path)])

    async def list_files(self, path: str = "") -> list[responses.FileListEntry]:
        """Return the entries of a directory."""
        return list((await self._ask(responses.FileList, "list_files", path=path)).entries)

    async def stat(self, path: str) -> responses.Stat:
        """Describe a file."""
        return await self._ask(responses.Stat, "stat", path=path)

    async def mkdir(self, path: str) -> None:
        """Create a directory and its parents."""
        await self._do("mkdir", path=path)

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file or directory."""
        await self._do("remove", path=path, recursive=recursive)

    async def move(self, path: str, to: str) -> None:
        """Rename a file, and replace an existing one."""
        await self._do("move", path=path, to=to)

    # ---- The guest ----

    async def clock(self, unix_ns: int | None = None) -> int:
        """Set the guest's clock if a time is given. Return its time, in nanoseconds since 1970."""
        fields = {} if unix_ns is None else {"unix_ns": unix_ns}
        return (await self._ask(responses.Clock, "clock", **fields)).unix_ns

    async def reseed(self, data: bytes) -> bool:
        """Mix bytes into the guest's random pool. Return whether its generator reseeded from it."""
        return (await self._ask(responses.Reseed, "reseed", data=base64.b64encode(data).decode())).reseeded

    async def metrics(self) -> responses.Metrics:
        """Return the state of the guest."""
        return await self._ask(responses.Metrics, "metrics")

    async def shutdown(self) -> None:
        """Switch the guest off."""
        await self._do("shutdown")


def _exec(language: str, code: str, env_vars: Mapping[str, str] | None, *, session: bool) -> dict[str, Any]:
    request = {"action": "exec", "language": language, "code": code, "env_vars": dict(env_vars or {})}
    # Always sent: a guest has another default for hosts without `hello`.
    return {**request, "session": session}
