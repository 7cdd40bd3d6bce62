"""A guest's console, shown while it grows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from tools.cli.text import printable
from tools.sandbox import logs, machine

# Seconds between two reads.
_PAUSE = 0.05

# Longest part of a line that waits for the rest.
_LINE = 4096


async def follow(guest: machine.Sockets, show: Callable[[str], None]) -> None:
    """Show a guest's console from its beginning, line by line, until the machine ends."""
    pending = b""
    with contextlib.closing(logs.Follower(guest.directory / machine.CONSOLE)) as log:
        while True:
            # Check before reading: an ended machine prints nothing more.
            running = guest.running
            guest.flush()
            piece = log.read(1 << 20)
            lines, newline, pending = (pending + piece).rpartition(b"\n")
            if len(pending) > _LINE or (pending and not running and not piece):
                lines, newline, pending = lines + newline + pending, b"", b""
            if lines or newline:
                show(printable(lines + newline))
            if not running and not piece:
                return
            if not piece:
                await asyncio.sleep(_PAUSE)
