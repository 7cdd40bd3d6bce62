"""Provide a client of the language server protocol for tests."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

PATIENCE = 600.0
"""Seconds after which a server counts as hung: it indexes the standard library, even on a busy machine."""


class LanguageServer:
    """A running language server."""

    def __init__(self, command: list[str], log: IO[bytes]) -> None:
        """Start the server; its standard error goes to `log`."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log)
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._last = 0
        self.status: dict[str, Any] = {}
        """The server's latest status (`experimental/serverStatus`)."""
        threading.Thread(target=self._read, daemon=True).start()

    def request(self, method: str, parameters: Mapping[str, Any] | None, timeout: float = PATIENCE) -> Any:
        """Send a request and return its result."""
        self._last += 1
        number = self._last
        self._send({"id": number, "method": method, "params": parameters})
        until = time.monotonic() + timeout
        while True:
            message = self._messages.get(timeout=max(0.1, until - time.monotonic()))
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._handle(message)

    def notify(self, method: str, parameters: Mapping[str, Any]) -> None:
        """Send a notification."""
        self._send({"method": method, "params": parameters})

    def wait_until_quiet(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until the server has loaded its project, and return its status."""
        until = time.monotonic() + timeout
        while not self.status.get("quiescent"):
            self._handle(self._messages.get(timeout=max(0.1, until - time.monotonic())))
        return self.status

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "experimental/serverStatus":
            self.status = message["params"]
        elif "id" in message and "method" in message:
            # This editor answers no requests of the server.
            parameters: dict[str, Any] = message.get("params") or {}
            items: list[Any] = parameters.get("items", [])
            self._send({"id": message["id"], "result": [None] * len(items) if items else None})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._to.flush()

    def _read(self) -> None:
        while header := self._from.readline():
            length = int(header.split(b":")[1])
            while self._from.readline().strip():
                pass
            self._messages.put(json.loads(self._from.read(length)))
