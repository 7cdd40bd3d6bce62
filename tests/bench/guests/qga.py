"""Connect to QEMU's guest agent, the peer of our agent.

    async with Machine(guest) as machine, GuestAgent(machine, port=2) as qga:
        await qga.ping(60)
        assert (await qga.run("/bin/true")).exit_code == 0

Its protocol allows one request at a time, and each answer is a line of JSON.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tools.sandbox import schema
from tools.sandbox.errors import AgentError, NoAnswerError, ProtocolError
from tools.sandbox.machine import Machine

PORT = "org.qemu.guest_agent.0"
"""Name of the agent's port."""

# Seconds to wait for each answer.
_TIMEOUT = 120

# Most bytes of an answer, which may be a part of a file in base64.
_LINE = 64 << 20

# Seconds to wait until QEMU has created the socket.
_CONNECT = 10

# Precedes the first answer. The port may contain the rest of an older answer before it.
_SENTINEL = b"\xff"


@dataclasses.dataclass(frozen=True)
class Ended:
    """The end of a program.

    Attributes:
        exit_code: its exit code.
        stdout: its output, if it was captured.
    """

    exit_code: int
    stdout: bytes


class GuestAgent:
    """QEMU's guest agent in a running machine: `async with GuestAgent(machine, port) as qga`."""

    def __init__(self, machine: Machine, port: int) -> None:
        """Prepare a connection.

        Args:
            machine: the running guest.
            port: index of the agent's port in the guest.
        """
        self._machine = machine
        self._port = port

    async def __aenter__(self) -> GuestAgent:
        # open_port waits until QEMU has created the socket, but the limit of its reader is too low for files.
        _, first = await self._machine.open_port(self._port, _CONNECT)
        first.close()
        await first.wait_closed()
        path = self._machine.directory / f"port{self._port}"
        self._reader, self._writer = await asyncio.open_unix_connection(path, limit=_LINE)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ping(self, timeout: float) -> None:
        """Wait until the agent answers.

        Raises:
            NoAnswerError: it does not answer within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._send("guest-sync-delimited", {"id": 1})
                await self._reader.readuntil(_SENTINEL)
                await self._receive("guest-sync-delimited", timeout)
                await self.ask("guest-ping")
        except TimeoutError:
            raise NoAnswerError(str(self._machine.error(f"QEMU's agent has not answered in {timeout:.0f} s"))) from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise self._machine.error("QEMU closed the port of its agent") from error

    async def ask(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Send a command and return its result.

        Raises:
            AgentError: the agent rejected it.
            ProtocolError: the answer is malformed.
        """
        await self._send(command, arguments)
        return await self._receive(command, _TIMEOUT)

    async def _send(self, command: str, arguments: Mapping[str, Any] | None) -> None:
        request = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self._writer.write(json.dumps(request).encode() + b"\n")
        await self._writer.drain()

    async def _receive(self, command: str, timeout: float) -> Any:
        try:
            async with asyncio.timeout(timeout):
                line = await self._reader.readuntil(b"\n")
            answer = json.loads(line)
        except TimeoutError:
            raise NoAnswerError(str(self._machine.error(f"{command}: no answer in {timeout:.0f} s"))) from None
        except ConnectionError as error:
            raise self._machine.error("QEMU closed the port of its agent") from error
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ProtocolError(f"QEMU's agent answered {command} with a malformed line: {error!r}") from error
        if not schema.is_object(answer) or ("return" in answer) == ("error" in answer):
            raise ProtocolError(f"QEMU's agent answered {command} with {line[:200]!r}")
        if "error" in answer:
            raise AgentError("qemu", f"{command}: {line[:200]!r}")
        return answer["return"]

    async def run(self, path: str, arguments: Sequence[str] = (), *, output: bool = False) -> Ended:
        """Run a program, and poll until it has ended: the agent sends no notifications."""
        request = {"path": path, "arg": list(arguments), "capture-output": output}
        pid = (await self.ask("guest-exec", request))["pid"]
        while not (status := await self.ask("guest-exec-status", {"pid": pid}))["exited"]:
            pass
        if "exitcode" not in status:
            raise ProtocolError(f"{path} ended by a signal: {status}")
        return Ended(status["exitcode"], base64.b64decode(status.get("out-data", "")))

    async def write_file(self, path: str, content: bytes, chunk: int) -> None:
        """Write a file in pieces of at most `chunk` bytes."""
        handle = await self.ask("guest-file-open", {"path": path, "mode": "w"})
        for start in range(0, len(content), chunk):
            data = base64.b64encode(content[start : start + chunk]).decode()
            written = await self.ask("guest-file-write", {"handle": handle, "buf-b64": data})
            if written["count"] != min(chunk, len(content) - start):
                raise ProtocolError(f"QEMU's agent wrote {written['count']} of {chunk} bytes")
        await self.ask("guest-file-close", {"handle": handle})

    async def read_file(self, path: str, chunk: int) -> bytes:
        """Read a file in pieces of at most `chunk` bytes."""
        handle = await self.ask("guest-file-open", {"path": path, "mode": "r"})
        pieces: list[bytes] = []
        eof = False
        while not eof:
            answer = await self.ask("guest-file-read", {"handle": handle, "count": chunk})
            pieces.append(base64.b64decode(answer["buf-b64"]))
            eof = answer["eof"]
        await self.ask("guest-file-close", {"handle": handle})
        return b"".join(pieces)
