"""The wire to a guest's agent: one JSON object per line, requests on one port and answers on the other."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeGuard

from tools.sandbox import machine as machines

Message = dict[str, Any]

# Types of answers after which nothing comes for a request.
_LAST = {
    "ack",
    "clock",
    "complete",
    "file_list",
    "file_read_complete",
    "file_write_ack",
    "hello",
    "metrics",
    "pong",
    "reseed",
    "stat",
}

# Bytes of a stored zstd block: the longest one.
_BLOCK = 128 << 10

# Beginning of a frame with a window of 128 KiB.
_FRAME = bytes([0x28, 0xB5, 0x2F, 0xFD, 0, 7 << 3])


def _is_object(value: object) -> TypeGuard[Message]:
    return isinstance(value, dict)


class AgentError(Exception):
    """The agent answered with an error.

    Attributes:
        error_type: the wire's name of what was wrong, such as timeout_error.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type


@dataclasses.dataclass(frozen=True)
class Completed:
    """The end of a command in the guest.

    Attributes:
        exit_code: its exit code; 128 and the signal's number where a signal ended it.
        stdout: all that it printed.
        stderr: likewise.
        milliseconds: how long it ran, by the guest's clock.
    """

    exit_code: int
    stdout: str
    stderr: str
    milliseconds: int


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something in a folder of the guest.

    Attributes:
        name: its name.
        is_dir: whether it is a folder.
        size: bytes of a file; 0 for a folder.
    """

    name: str
    is_dir: bool
    size: int


def stored_frame(content: bytes) -> bytes:
    """Returns a zstd frame of stored blocks: every decoder takes it, and none is needed to make it."""
    blocks = [content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK)]
    return _FRAME + b"".join((len(block) << 3).to_bytes(3, "little") + block for block in blocks) + b"\1\0\0"


def stored_content(frame: bytes) -> bytes:
    """Returns the content of a zstd frame of stored blocks, which is how the agent sends files.

    Raises:
        ValueError: it is no such frame.
    """
    if not frame.startswith(_FRAME):
        raise ValueError("not a frame of this agent")
    content, place, last = bytearray(), len(_FRAME), False
    while not last:
        header = int.from_bytes(frame[place : place + 3], "little")
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        place += 3 + size
        if kind or place > len(frame):
            raise ValueError("a block that is not stored, or not whole")
        content += frame[place - size : place]
    if place != len(frame):
        raise ValueError("something follows the frame")
    return bytes(content)


class Agent:
    """A connection to the agent of a running machine. One request at a time.

    Use as `async with Agent(machine) as agent`.
    """

    def __init__(self, machine: machines.Machine) -> None:
        self._machine = machine

    async def __aenter__(self) -> Agent:
        _, self._requests = await self._machine.open_port(0, timeout=10)
        self._answers, self._unused = await self._machine.open_port(1, timeout=10)
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in (self._requests, self._unused):
            writer.close()

    async def send(self, line: bytes) -> None:
        """Sends bytes as they are.

        Raises:
            machines.MachineError: the machine ended.
        """
        try:
            self._requests.write(line)
            await self._requests.drain()
        except OSError as error:
            raise self._machine.error("the machine ended before the agent was asked") from error

    async def receive(self, timeout: float) -> Message:
        """Receives one answer.

        Raises:
            machines.MachineError: none came within `timeout` seconds, the machine ended, or the answer is not a
                JSON object with a `type`.
        """
        try:
            line = await asyncio.wait_for(self._answers.readline(), timeout)
        except TimeoutError:
            raise self._machine.error(f"the agent did not answer within {timeout:.0f} s") from None
        except OSError as error:
            # Where QEMU ended before it read what was sent, the socket is reset instead of closed.
            raise self._machine.error("the machine ended before the agent answered") from error
        except ValueError as error:
            raise self._machine.error(f"the agent's answer is too long: {error}") from error
        if not line.endswith(b"\n"):
            raise self._machine.error("the machine ended before the agent answered")
        try:
            message: object = json.loads(line)
        except ValueError as error:
            raise self._machine.error(f"the agent's answer is not JSON: {error}") from error
        if not _is_object(message) or not isinstance(message.get("type"), str):
            raise self._machine.error("the agent's answer is not an object with a type")
        return message

    async def stream(self, request: Mapping[str, Any], timeout: float) -> AsyncIterator[Message]:
        """Sends a request and yields its answers as they come, the last one included.

        Args:
            request: the request's fields.
            timeout: seconds to wait for each answer.

        Raises:
            AgentError: the agent answered with an error.
        """
        await self.send(json.dumps(request).encode() + b"\n")
        while True:
            message = await self.receive(timeout)
            if message["type"] == "error":
                raise AgentError(str(message.get("error_type")), str(message.get("message")))
            yield message
            if message["type"] in _LAST:
                return

    async def ping(self, timeout: float) -> str:
        """Returns the agent's version; waits until the guest has booted."""
        async for message in self.stream({"action": "ping"}, timeout):
            if message["type"] == "pong":
                return str(message["version"])
        raise self._machine.error("the agent answered a ping with something else than a pong")

    async def run(
        self, language: str, code: str, *, timeout: int = 60, env_vars: Mapping[str, str] | None = None
    ) -> Completed:
        """Runs code and gathers its output.

        Args:
            language: python, javascript or raw.
            code: the program.
            timeout: seconds after which the guest ends it.
            env_vars: variables added to its environment.

        Raises:
            AgentError: the agent refused it, or it timed out.
        """
        request = {"action": "exec", "language": language, "code": code, "timeout": timeout}
        # The guest kills what ignores SIGTERM five seconds after the timeout.
        return await self._gather({**request, "env_vars": dict(env_vars or {})}, timeout + 60)

    async def _gather(self, request: Mapping[str, Any], timeout: float) -> Completed:
        """Sends a request and gathers its output."""
        output = {"stdout": "", "stderr": ""}
        async for message in self.stream(request, timeout):
            if message["type"] in output:
                output[message["type"]] += str(message["chunk"])
            elif message["type"] == "complete":
                return Completed(
                    exit_code=int(message["exit_code"]),
                    milliseconds=int(message["execution_time_ms"]),
                    **output,
                )
        raise AssertionError("the stream ended without an end")

    async def ask(self, action: str, *, timeout: float = 60, **fields: Any) -> Message:
        """Sends a request with one answer, and returns that.

        Raises:
            AgentError: the agent answered with an error.
        """
        async for message in self.stream({"action": action, **fields}, timeout):
            return message
        raise AssertionError("the stream ended without an end")

    async def hello(self, protocol: int = 1) -> Message:
        """Agrees on a protocol; the answer has its number, the agent's version and the boot ledger."""
        return await self.ask("hello", protocol=protocol)

    async def write_file(self, path: str, content: bytes, *, executable: bool = False) -> int:
        """Writes a file in the guest's home, in place of what is there; returns its size."""
        name = "write"
        await self._post("write_file", op_id=name, path=path, make_executable=executable)
        frame = stored_frame(content)
        for start in range(0, len(frame), _BLOCK):
            data = base64.b64encode(frame[start : start + _BLOCK]).decode()
            await self._post("file_chunk", op_id=name, data=data)
        return int((await self.ask("file_end", op_id=name))["bytes_written"])

    async def read_file(self, path: str) -> bytes:
        """Reads a file in the guest's home."""
        frame = bytearray()
        size = None
        async for message in self.stream({"action": "read_file", "op_id": "read", "path": path}, 60):
            if message["type"] == "file_chunk":
                frame += base64.b64decode(message["data"])
            size = message.get("size", size)
        content = stored_content(bytes(frame))
        if len(content) != size:
            raise self._machine.error("the agent sent another size than it said")
        return content

    async def list_files(self, path: str = "") -> list[Entry]:
        """Returns what is in a folder of the guest's home."""
        answer = await self.ask("list_files", path=path)
        return [Entry(str(e["name"]), bool(e["is_dir"]), int(e["size"])) for e in answer["entries"]]

    async def stat(self, path: str) -> Message:
        """Returns kind, size, mode and modified_ms of a file in the guest's home."""
        return await self.ask("stat", path=path)

    async def mkdir(self, path: str) -> None:
        """Makes a folder, and those that it lies in."""
        await self.ask("mkdir", path=path)

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """Deletes a file or folder."""
        await self.ask("remove", path=path, recursive=recursive)

    async def move(self, path: str, to: str) -> None:
        """Gives a file another name, in place of what has that name."""
        await self.ask("move", path=path, to=to)

    async def install_packages(self, language: str, packages: Sequence[str], *, timeout: int = 300) -> Completed:
        """Installs packages, each with its version."""
        request = {"action": "install_packages", "language": language, "packages": list(packages), "timeout": timeout}
        return await self._gather(request, timeout + 60)

    async def stdin(self, op_id: str, data: bytes, *, eof: bool = False) -> None:
        """Hands input to a program that was started with `stdin`. Its ack comes among the program's answers."""
        await self._post("stdin", op_id=op_id, data=base64.b64encode(data).decode(), eof=eof)

    async def signal(self, op_id: str, number: int) -> None:
        """Sends a signal to a program. Its ack comes among the program's answers."""
        await self._post("signal", op_id=op_id, signal=number)

    async def cancel(self, op_id: str) -> None:
        """Ends a program or a file. Its ack comes among the program's answers."""
        await self._post("cancel", op_id=op_id)

    async def clock(self, unix_ns: int | None = None) -> int:
        """Sets the guest's clock if a time is given; returns what it says, in nanoseconds since 1970."""
        fields = {} if unix_ns is None else {"unix_ns": unix_ns}
        return int((await self.ask("clock", **fields))["unix_ns"])

    async def reseed(self, data: bytes) -> bool:
        """Mixes bytes into the guest's random pool; returns whether its generator took from it."""
        return bool((await self.ask("reseed", data=base64.b64encode(data).decode()))["reseeded"])

    async def metrics(self) -> Message:
        """Returns how the guest is."""
        return await self.ask("metrics")

    async def shutdown(self) -> None:
        """Switches the guest off."""
        await self.ask("shutdown")

    async def _post(self, action: str, **fields: Any) -> None:
        await self.send(json.dumps({"action": action, **fields}).encode() + b"\n")
