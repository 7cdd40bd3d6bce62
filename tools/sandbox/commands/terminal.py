"""The terminal of the person who uses a shell in a guest."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Generator

from tools.sandbox.program import Pty

# What the wire allows.
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
    """Has a terminal pass on every key as it is, and restores its ways in the end."""
    before = termios.tcgetattr(file)
    try:
        tty.setraw(file)
        yield
    finally:
        # What was typed for the guest is not for the shell that comes after it.
        termios.tcsetattr(file, termios.TCSAFLUSH, before)


class Escape:
    """Finds the keys that leave a guest which does not answer: `~.` at the beginning of a line, as those of ssh."""

    def __init__(self) -> None:
        # What came before, as far as it matters: the beginning of a line, a ~ there, or neither.
        self._state = "line"

    def filter(self, keys: bytes) -> bytes | None:
        """Return what is to be passed on, or nothing if the keys are there. A ~ is kept until the key after it."""
        passed = bytearray()
        for number in keys:
            key = bytes([number])
            if self._state == "tilde":
                if key == b".":
                    return None
                # The first of two is passed on alone.
                passed += b"~" if key == b"~" else b"~" + key
                self._state = "line" if key in b"\r\n" else "text"
            elif self._state == "line" and key == b"~":
                self._state = "tilde"
            else:
                passed += key
                self._state = "line" if key in b"\r\n" else "text"
        return bytes(passed)
