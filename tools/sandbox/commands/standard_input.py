"""Standard input, read without a thread that would outlive its reader."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator

_PIECE = 64 << 10


async def pieces(file: int = 0) -> AsyncGenerator[bytes]:
    """Yield the data of a file, until its end.

    Args:
        file: number of a terminal, pipe, socket or ordinary file.
    """
    while True:
        await _readable(file)
        if not (piece := os.read(file, _PIECE)):
            return
        yield piece


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    try:
        # Once for each read: an early second callback would make the next read wait.
        loop.add_reader(file, lambda: readable.done() or readable.set_result(None))
    except PermissionError:
        # An ordinary file is always readable, and select cannot wait for it.
        await asyncio.sleep(0)
        return
    try:
        await readable
    finally:
        loop.remove_reader(file)
