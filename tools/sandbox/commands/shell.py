"""A shell in a guest, on the user's terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from tools.sandbox import errors
from tools.sandbox.agent import Agent
from tools.sandbox.commands import standard_input, terminal
from tools.sandbox.program import Program

SHELL = "exec bash -i"
"""The default program."""


class Left(Exception):
    """The user left the guest by `~.`."""


async def run(agent: Agent, code: str, language: str) -> int:
    """Run code on this terminal until it ends, and return its exit code.

    The code's output goes to the terminal unchanged: a terminal is meant to interpret it. Afterwards the terminal is
    restored, whatever happens.

    Raises:
        AgentError: the agent rejected it.
        Left: the user left it.
    """
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    async with agent.start(language, code, timeout=0, pty=terminal.size(screen)) as program:
        with terminal.raw(keyboard):
            pumps = [
                asyncio.create_task(_type(program, keyboard)),
                asyncio.create_task(_resize(program, screen)),
                asyncio.create_task(_print(program, screen)),
            ]
            try:
                # The first event: the program's end, the user's `~.`, or an error.
                done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in pumps:
                    task.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        return (await program.wait()).exit_code


async def _print(program: Program, screen: int) -> None:
    async for output in program:
        data = output.chunk.encode()
        while data:
            data = data[os.write(screen, data) :]


async def _type(program: Program, keyboard: int) -> None:
    escape = terminal.Escape()
    # `_print` handles the end of a program that still gets input.
    with contextlib.suppress(errors.RequestError, errors.FileError):
        async with contextlib.aclosing(standard_input.pieces(keyboard)) as pieces:
            async for keys in pieces:
                passed = escape.filter(keys)
                if passed is None:
                    raise Left
                if passed:
                    await program.write(passed)
    await asyncio.Event().wait()


async def _resize(program: Program, screen: int) -> None:
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        with contextlib.suppress(errors.RequestError):
            while True:
                await changed.wait()
                changed.clear()
                await program.resize(terminal.size(screen))
        await asyncio.Event().wait()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
