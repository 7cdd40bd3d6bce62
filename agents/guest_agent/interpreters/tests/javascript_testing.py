"""Start the JavaScript session loops and communicate with them, as the agent does."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import secrets
import selectors
import socket
import subprocess
import sys
from typing import Any

_LOOPS = pathlib.Path(__file__).parent.parent

# Limit for a loop that hangs.
_PATIENCE = 120.0

# Gives the socket its number. A shell only supports numbers of one digit.
_LAUNCHER = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.closerange(4, 256); os.execv(sys.argv[2], sys.argv[2:])"


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of one exec."""

    exit_code: int
    stdout: str
    stderr: str
    token: str
    # Whether the interpreter has ended.
    ended: bool = False


def text(runtime: str) -> str:
    """Return the program that the agent passes to the interpreter."""
    parts = [_LOOPS / "javascript.js", _LOOPS / f"javascript_{runtime}.js"]
    return "(() => {\n" + "".join(part.read_text() for part in parts) + "})();\n"


def interpreter() -> list[str]:
    """Return the command that starts the interpreter under test, `JAVASCRIPT_INTERPRETER`.

    `LOADER`, if set, is the loader that starts it. Its directory contains the libraries.
    """
    command = [os.path.abspath(os.environ["JAVASCRIPT_INTERPRETER"])]
    loader = os.environ.get("LOADER")
    if not loader:
        return command
    libraries = os.path.dirname(os.path.abspath(loader))
    return [os.path.abspath(loader), "--inhibit-cache", "--library-path", libraries, *command]


class Loop:
    """A running session loop."""

    def __init__(self, command: list[str], runtime: str, home: pathlib.Path, env: dict[str, str]) -> None:
        """Start a loop in a directory."""
        self._channel, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-ISc", _LAUNCHER, str(theirs.fileno()), *command, "-e", text(runtime)],
            cwd=home,
            env={"HOME": str(home), "PATH": os.environ.get("PATH", "/usr/bin:/bin"), **env},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self._answers = b""
        assert self._process.stdout and self._process.stderr
        self._pipes = (self._process.stdout, self._process.stderr)
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    def run(self, code: str, env: dict[str, str] | None = None, seed: str | None = None) -> Result:
        """Run code and return the content of the pipes when the answer arrives, which must be all output."""
        token = secrets.token_hex(16)
        request: dict[str, Any] = {
            "token": token,
            "code": code,
            "env": env or {},
            "seed": seed or secrets.token_hex(16),
        }
        self._channel.sendall(json.dumps(request).encode() + b"\n")
        output = {pipe.fileno(): b"" for pipe in self._pipes}
        answer = self._answer(output)
        if answer is None:
            exit_code, ended = self._process.wait(_PATIENCE), True
        else:
            assert answer["token"] == token
            exit_code, ended = answer["exit_code"], False
        for descriptor in output:
            output[descriptor] += _available(descriptor)
        stdout, stderr = (output[pipe.fileno()].decode() for pipe in self._pipes)
        return Result(exit_code, stdout, stderr, token, ended)

    def close(self) -> int:
        """Close the channel, as an agent that ends, and return the exit code of the interpreter."""
        self._channel.close()
        for pipe in self._pipes:
            pipe.close()
        try:
            return self._process.wait(_PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()

    def _answer(self, output: dict[int, bytes]) -> Any:
        with selectors.DefaultSelector() as selector:
            for file in (self._channel, *output):
                selector.register(file, selectors.EVENT_READ)
            while b"\n" not in self._answers:
                ready = selector.select(_PATIENCE)
                assert ready, "the loop does not answer"
                for key, _ in ready:
                    if key.fileobj is not self._channel:
                        descriptor = key.fd
                        part = _available(descriptor)
                        output[descriptor] += part
                        if not part:
                            selector.unregister(key.fileobj)
                        continue
                    received = self._receive()
                    if not received:
                        return None
                    self._answers += received
        line, self._answers = self._answers.split(b"\n", 1)
        return json.loads(line)

    def _receive(self) -> bytes:
        try:
            return self._channel.recv(65536)
        except ConnectionResetError:
            return b""


def _available(descriptor: int) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except BlockingIOError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
