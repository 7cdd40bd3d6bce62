"""Provide a Bazel module that depends on this one, and a server for its downloads."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Generator

_MODULE = """\
module(name = "demo")
bazel_dep(name = "sandbox_images")
local_path_override(module_name = "sandbox_images", path = "{workspace}")
"""


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves `files` by path; a value of None drops the connection half-way."""

    files: dict[str, bytes | None]

    def do_GET(self) -> None:
        path = urllib.parse.unquote(self.path)
        if path not in self.files:
            self.send_error(404)
            return
        body = self.files[path]
        self.send_response(200)
        # Longer than the body: the client detects a dropped connection by the length.
        self.send_header("Content-Length", str(1008 if body is None else len(body)))
        self.end_headers()
        self.wfile.write(bytes(100) if body is None else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def serve(files: dict[str, bytes | None]) -> Generator[str]:
    """Serve files by path, and yields the server's address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"files": files}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def sha256(data: bytes) -> str:
    """Return a digest, in hex."""
    return hashlib.sha256(data).hexdigest()


@dataclasses.dataclass
class Module:
    """A module that depends on this one.

    Attributes:
        directory: its workspace.
        environment: environment of its Bazel.
        downloads: its repository cache, or the one of a new output root.
    """

    directory: pathlib.Path
    environment: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    downloads: pathlib.Path | None = None

    def __post_init__(self) -> None:
        assert shutil.which("bazel"), "no bazel on the PATH: run the tests with ./bazelw (see README.md)"
        self.environment |= {"HOME": str(self.directory), "PATH": os.environ["PATH"]}
        (self.directory / "BUILD.bazel").touch()

    def declare(self, text: str) -> None:
        """Write MODULE.bazel: the dependency, and then the text."""
        workspace = pathlib.Path("MODULE.bazel").resolve().parent
        (self.directory / "MODULE.bazel").write_text(_MODULE.format(workspace=workspace) + text)

    def query(self, target: str) -> subprocess.CompletedProcess[str]:
        """Let Bazel make the repository of a target."""
        flags = [f"--repository_cache={self.downloads}"] if self.downloads else []
        return self._bazel("query", "--lockfile_mode=off", *flags, target)

    def close(self) -> None:
        """End the server."""
        self._bazel("shutdown")

    def _bazel(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bazel", f"--output_user_root={self.directory}/root", "--max_idle_secs=15"]
        return subprocess.run(
            [*command, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def error(done: subprocess.CompletedProcess[str]) -> str:
    """Return the error message of the rule or extension; check that it failed."""
    assert done.returncode != 0
    lines: list[str] = re.findall(r"Error in fail: (.*)", done.stderr)
    assert lines, done.stderr
    return lines[0]
