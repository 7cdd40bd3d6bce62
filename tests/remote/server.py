"""A remote cache for tests: BuildGrid's CAS and action cache, on a free port, in a folder of the test's."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import time

_START = "from buildgrid.server.app import cli; cli()"
# What has not started by then hangs.
_SECONDS_TO_START = 600

# Two instances with one content: the second refuses to be written to.
_CONFIGURATION = """\
server:
  - !channel
    address: "127.0.0.1:{port}"
    insecure-mode: true
storages:
  - !disk-storage &storage
    path: {folder}
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
        folder: where its content lies.
        address: for --remote_cache.
    """

    def __init__(self, folder: pathlib.Path, size: int = 0) -> None:
        """Starts it, empty.

        Args:
            folder: where to put configuration, log and content; is made.
            size: bytes of the disk that its content lies on, which only the server sees then; 0 for the machine's.

        Raises:
            AssertionError: it did not start; has the end of its log.
        """
        self.folder = folder / "content"
        self.folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"grpc://127.0.0.1:{port}"
        configuration = folder / "server.yml"
        configuration.write_text(_CONFIGURATION.format(port=port, folder=self.folder))
        self._log = folder / "log"
        disk = ["--size", str(size), "--tmpfs", str(self.folder)]
        with open(self._log, "wb") as stream:
            # The program's modules are found where the test's are. gRPC is linked against the C++ library, and the
            # interpreter's launcher looks for libraries in its own tree alone.
            variables = {
                "LD_PRELOAD": str(pathlib.Path(os.environ["LIBSTDCXX"]).resolve()),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            }
            self._process = subprocess.Popen(
                [
                    *([_bwrap(), "--die-with-parent", "--dev-bind", "/", "/", *disk, "--"] if size else []),
                    *(sys.executable, "-c", _START, "server", "start", str(configuration)),
                ],
                env=os.environ | variables,
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
        """Returns what it said."""
        return self._log.read_text()

    def blobs(self) -> list[pathlib.Path]:
        """Returns the files of what it holds."""
        return [path for path in (self.folder / "cas/objects").rglob("*") if path.is_file()]

    def kill(self) -> None:
        """Ends it at once, as a machine that fails would."""
        self._process.kill()
        self._process.wait()


def _bwrap() -> str:
    return str(pathlib.Path(os.environ["BWRAP"]).resolve())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
