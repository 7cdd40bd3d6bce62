"""The wire to a guest's agent: one JSON object per line, requests on one port and answers on the other."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeGuard

from tools.sandbox import machine as machines

Message = dict[str, Any]


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
            if message["type"] in ("complete", "pong"):
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
        output = {"stdout": "", "stderr": ""}
        # The guest kills what ignores SIGTERM five seconds after the timeout.
        async for message in self.stream({**request, "env_vars": dict(env_vars or {})}, timeout + 60):
            if message["type"] in output:
                output[message["type"]] += str(message["chunk"])
            elif message["type"] == "complete":
                return Completed(
                    exit_code=int(message["exit_code"]),
                    milliseconds=int(message["execution_time_ms"]),
                    **output,
                )
        raise AssertionError("the stream ended without an end")
