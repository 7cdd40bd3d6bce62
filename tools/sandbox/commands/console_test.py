"""A console, shown while it grows."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib

from tools.sandbox import logs, machine
from tools.sandbox.commands import console


class _Guest(machine.Sockets):
    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.architecture = "x86_64"
        self.on = True

    @property
    def running(self) -> bool:
        return self.on


def _shown(directory: pathlib.Path, *pieces: bytes) -> list[str]:
    """Show a console that grows chunk by chunk, and then ends."""

    async def follow() -> list[str]:
        guest, shown = _Guest(directory), list[str]()
        task = asyncio.create_task(console.follow(guest, shown.append))
        await asyncio.sleep(0.1)
        with contextlib.closing(logs.Writer(directory / machine.CONSOLE, 1 << 20)) as log:
            for piece in pieces:
                log.write(piece)
                await asyncio.sleep(0.2)
        guest.on = False
        await asyncio.wait_for(task, 5)
        return shown

    return asyncio.run(follow())


def test_lines_are_shown_when_complete(tmp_path: pathlib.Path) -> None:
    assert _shown(tmp_path, b"one\ntw", b"o\r\n", b"rest") == ["one\n", "two\n", "rest"]


def test_split_escape_sequence_is_removed(tmp_path: pathlib.Path) -> None:
    assert "".join(_shown(tmp_path, b"a\x1b[3", b"1mb\n")) == "ab\n"


def test_line_without_end_is_shown(tmp_path: pathlib.Path) -> None:
    assert "".join(_shown(tmp_path, b"x" * 10_000)) == "x" * 10_000
