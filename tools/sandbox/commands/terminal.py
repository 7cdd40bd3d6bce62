"""The terminal of a shell's user."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Generator

from tools.sandbox.program import Pty

# Limits of the wire.
_MOST = 1000

# For a terminal that does not know its own size.
_DEFAULT = Pty(24, 80)


def size(file: int) -> Pty:
    """Return the size of a terminal."""
    columns, rows = os.get_terminal_size(file)
    if not rows or not columns:
        return _DEFAULT
    return Pty(min(rows, _MOST), min(columns, _MOST))


@contextlib.contextmanager
def raw(file: int) -> Generator[None]:
    """Make a terminal pass on every key unchanged, and restore its mode at the end."""
    before = termios.tcgetattr(file)
    try:
        tty.setraw(file)
        yield
    finally:
        # Unread keys were for the guest, not for the user's shell.
        termios.tcsetattr(file, termios.TCSAFLUSH, before)


class Escape:
    """Find the keys that leave a guest that does not answer: `~.` at the beginning of a line, as in ssh."""

    def __init__(self) -> None:
        # The state of the line: its beginning, a ~ there, or neither.
        self._state = "line"

    def filter(self, keys: bytes) -> bytes | None:
        """Return the keys to pass on, or None for `~.`. Keep a ~ until the next key."""
        passed = bytearray()
        for number in keys:
            key = bytes([number])
            if self._state == "tilde":
                if key == b".":
                    return None
                # Of two ~, pass on one.
                passed += b"~" if key == b"~" else b"~" + key
                self._state = "line" if key in b"\r\n" else "text"
            elif self._state == "line" and key == b"~":
                self._state = "tilde"
            else:
                passed += key
                self._state = "line" if key in b"\r\n" else "text"
        return bytes(passed)
