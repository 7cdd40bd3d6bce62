"""A guest's console, as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tools.sandbox import machine
from tools.sandbox.text import printable

# Seconds between two looks.
_PAUSE = 0.05

# Longest part of a line that is kept back for its end.
_LINE = 4096


async def follow(guest: machine.Sockets, show: Callable[[str], None]) -> None:
    """Shows a guest's console from its beginning, whole lines at a time, until the machine ends."""
    pending = b""
    place = 0
    while True:
        # Before reading: what an ended machine printed is all there.
        running = guest.running
        try:
            with open(guest.folder / "console", "rb") as file:
                file.seek(place)
                piece = file.read(1 << 20)
        except FileNotFoundError:
            piece = b""
        place += len(piece)
        lines, newline, pending = (pending + piece).rpartition(b"\n")
        if len(pending) > _LINE or (pending and not running and not piece):
            lines, newline, pending = lines + newline + pending, b"", b""
        if lines or newline:
            show(printable(lines + newline))
        if not running and not piece:
            return
        if not piece:
            await asyncio.sleep(_PAUSE)
