"""Output of programs on the host, in files of limited size.

A guest can print without end, and can make QEMU and gvproxy do so. A log is two files: the latest output and, once that
has become long, the output before it. Other processes can read them while they grow.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import threading
from typing import IO

# Most bytes to copy from a pipe at a time: its capacity.
_PIECE = 64 << 10

# Seconds between two checks whether a log is closed, for a pipe that another process keeps open.
_PAUSE = 0.2

# Attempts to read both files of a log that is rotated at the same time.
_ATTEMPTS = 100


def _older(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f"{path.name}.old")


class Writer:
    """Write a log."""

    def __init__(self, path: pathlib.Path, most: int) -> None:
        """Create an empty log.

        Args:
            path: its file; the older one is beside it.
            most: bytes of both files together.
        """
        self._path = path
        self._most = most // 2
        self._size = 0
        self._file = open(path, "wb", buffering=0)

    def write(self, data: bytes) -> None:
        """Add to the log. On a full disk, the data is lost.

        Args:
            data: at most half of the log's capacity.
        """
        with contextlib.suppress(OSError):
            if self._size + len(data) > self._most:
                # If the new file cannot be created, keep the present one, and lose the data.
                new = self._path.with_name(f"{self._path.name}.new")
                file = open(new, "wb", buffering=0)
                self._path.replace(_older(self._path))
                new.replace(self._path)
                self._file.close()
                self._file = file
                self._size = 0
            self._size += self._file.write(data)

    def close(self) -> None:
        """Close the log."""
        self._file.close()


class Pipe:
    """A pipe for a program's output: `with Pipe(path, most) as pipe`. A thread copies the output to a log.

    Because of the thread, the program does not wait for a busy host.

    Attributes:
        writer: the end for the program; -1 once it is released.
    """

    def __init__(self, path: pathlib.Path, most: int) -> None:
        """Create a pipe; see `Writer`."""
        self._log = Writer(path, most)
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        """Copy the rest, and end the thread."""
        # Its owner may have failed before a program started.
        self.release()
        self._closed.set()
        self._thread.join()
        self.flush()
        with self._lock:
            os.close(self._reader)
            self._reader = -1
            self._log.close()

    def release(self) -> None:
        """Close this process's copy of the program's end. A second call does nothing."""
        writer, self.writer = self.writer, -1
        if writer >= 0:
            os.close(writer)

    def flush(self) -> bool:
        """Copy the pipe's content. Return whether more may follow."""
        with self._lock:
            if self._reader < 0:
                return False
            # A program that prints without end must not block the caller.
            for _ in range(16):
                try:
                    if not (piece := os.read(self._reader, _PIECE)):
                        return False
                except BlockingIOError:
                    return True
                self._log.write(piece)
            return True

    def _copy(self) -> None:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while not self._closed.is_set():
            if poll.poll(_PAUSE * 1000) and not self.flush():
                return


def read(path: pathlib.Path) -> bytes:
    """Return a log, or the end of a long one; nothing if it does not exist."""
    for _ in range(_ATTEMPTS):
        try:
            with open(path, "rb") as file:
                older = b""
                with contextlib.suppress(FileNotFoundError):
                    older = _older(path).read_bytes()
                newer = file.read()
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    return older + newer
        except FileNotFoundError:
            # Between two files, or no log at all.
            if not _older(path).exists():
                return b""
    # The log rotates faster than the loop can read it.
    with contextlib.suppress(OSError):
        return _older(path).read_bytes()
    return b""


class Follower:
    """Read a log from its beginning while it grows."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def read(self, most: int) -> bytes:
        """Return the next data, at most `most` bytes; nothing if there is no more yet.

        A slow reader loses a part of the output.
        """
        while True:
            if self._file is None:
                try:
                    self._file = open(self._path, "rb", buffering=0)
                except FileNotFoundError:
                    return b""
            # Check before reading: nothing is added to a replaced file.
            replaced = self._is_replaced()
            if (piece := self._file.read(most)) or not replaced:
                return piece
            self.close()

    def close(self) -> None:
        """Close the log."""
        if self._file:
            self._file.close()
        self._file = None

    def _is_replaced(self) -> bool:
        assert self._file
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except FileNotFoundError:
            # Between two files: a new one follows. Or the guest has ended, with its directory.
            return False
