"""Start a remote cache for tests: BuildGrid's CAS and action cache, on a free port."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import time

_START = "from buildgrid.server.app import cli; cli()"
_UPLOAD = "tests.remote.upload"
# Time after which a starting process counts as hung.
_SECONDS_TO_START = 600

# Two instances share one content; the second is read-only.
_CONFIGURATION = """\
server:
  - !channel
    address: "127.0.0.1:{port}"
    insecure-mode: true
storages:
  - !disk-storage &storage
    path: {directory}
caches:
  - !lru-action-cache &actions
    storage: *storage
    max-cached-refs: 100000
    allow-updates: true
    cache-failed-actions: false
  - !lru-action-cache &front
    storage: *storage
    max-cached-refs: 1
    allow-updates: true
  - !with-cache-action-cache &actions-read-only
    cache: *front
    fallback: *actions
    allow-updates: false
    cache-failed-actions: false
instances:
  - name: ''
    services:
      - !action-cache
        cache: *actions
      - !cas
        storage: *storage
      - !bytestream
        storage: *storage
  - name: read-only
    services:
      - !action-cache
        cache: *actions-read-only
      - !cas
        storage: *storage
        read-only: true
      - !bytestream
        storage: *storage
        read-only: true
monitoring:
  enabled: false
thread-pool-size: 30
"""


class Server:
    """A running cache.

    Attributes:
        directory: directory of its content.
        address: value of --remote_cache.
    """

    def __init__(self, directory: pathlib.Path, size: int = 0) -> None:
        """Start an empty cache.

        Args:
            directory: directory for configuration, log and content.
            size: bytes of a separate disk for the content, which only the server sees; 0: the machine's disk.

        Raises:
            AssertionError: the cache did not start; the message has the end of its log.
        """
        self.directory = directory / "content"
        self.directory.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"grpc://127.0.0.1:{port}"
        configuration = directory / "server.yml"
        configuration.write_text(_CONFIGURATION.format(port=port, directory=self.directory))
        self._log = directory / "log"
        disk = ["--size", str(size), "--tmpfs", str(self.directory)]
        with open(self._log, "wb") as stream:
            self._process = subprocess.Popen(
                [
                    *([_bwrap(), "--die-with-parent", "--dev-bind", "/", "/", *disk, "--"] if size else []),
                    *(sys.executable, "-c", _START, "server", "start", str(configuration)),
                ],
                env=_environment(),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + _SECONDS_TO_START
        while not _listens(port):
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"the cache did not start:\n{self.log()[-2000:]}")
            time.sleep(0.1)

    def log(self) -> str:
        """Return the server's log."""
        return self._log.read_text()

    def blobs(self) -> list[pathlib.Path]:
        """Return the files of all blobs."""
        return [path for path in (self.directory / "cas/objects").rglob("*") if path.is_file()]

    def upload(self, disk_cache: pathlib.Path, output: str) -> int:
        """Copy results from a disk cache of Bazel.

        Args:
            disk_cache: the disk cache.
            output: end of the path of an output; the actions that have one are copied.

        Returns:
            The number of actions.
        """
        command = [sys.executable, "-m", _UPLOAD, str(disk_cache), self.address, output]
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the upload to {self.address} failed: {done.stderr.splitlines()[-1]}"
        return int(done.stdout)

    def kill(self) -> None:
        """Kill the server, like a failing machine."""
        self._process.kill()
        self._process.wait()


def _environment() -> dict[str, str]:
    """Return the environment of programs that share the Python modules of the caller.

    gRPC needs the C++ library, and the interpreter's launcher searches only its own tree for libraries.
    """
    library = str(pathlib.Path(os.environ["LIBSTDCXX"]).resolve())
    return os.environ | {"LD_PRELOAD": library, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _bwrap() -> str:
    return str(pathlib.Path(os.environ["BWRAP"]).resolve())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
