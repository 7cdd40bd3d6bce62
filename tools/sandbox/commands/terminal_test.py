"""The user's terminal: raw for a while, and restored."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Iterator

import pytest

from tools.sandbox.commands import terminal
from tools.sandbox.program import Pty


@pytest.fixture
def tty() -> Iterator[int]:
    """A terminal."""
    ours, theirs = pty.openpty()
    yield theirs
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    ("rows", "columns", "size"),
    [(50, 132, Pty(50, 132)), (0, 0, Pty(24, 80)), (5000, 20, Pty(1000, 20))],
)
def test_size_is_within_the_limits(tty: int, rows: int, columns: int, size: Pty) -> None:
    fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    assert terminal.size(tty) == size


@pytest.mark.parametrize("error", [None, KeyError, KeyboardInterrupt, SystemExit])
def test_terminal_is_restored(tty: int, error: type[BaseException] | None) -> None:
    before = termios.tcgetattr(tty)
    try:
        with terminal.raw(tty):
            assert not termios.tcgetattr(tty)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
            if error:
                raise error
    except (KeyError, KeyboardInterrupt, SystemExit):
        pass
    assert termios.tcgetattr(tty) == before


@pytest.mark.parametrize(
    ("keys", "passed"),
    [
        ([b"ls\r"], b"ls\r"),
        ([b"a~."], b"a~."),
        ([b"~"], b""),
        ([b"~", b"/x\r"], b"~/x\r"),
        ([b"~~."], b"~."),
        ([b"ls\r~\r"], b"ls\r~\r"),
        ([b"~."], None),
        ([b"ls\r~", b"."], None),
        ([b"~\r~."], None),
    ],
)
def test_escape_keys_are_recognised(keys: list[bytes], passed: bytes | None) -> None:
    escape = terminal.Escape()
    got = b""
    for piece in keys:
        filtered = escape.filter(piece)
        if filtered is None:
            assert passed is None
            return
        got += filtered
    assert got == passed
