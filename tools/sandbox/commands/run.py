"""One program in a guest, with files to copy before and after it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import Mapping, Sequence

from tools.cli.text import printable
from tools.sandbox import errors
from tools.sandbox.agent import Agent
from tools.sandbox.commands import files, standard_input
from tools.sandbox.program import Program


@dataclasses.dataclass(frozen=True)
class Request:
    """A program to run.

    Attributes:
        language: python, javascript or raw; None for the image's language.
        code: the program.
        timeout: seconds after which the guest ends it.
        env_vars: variables added to its environment.
        stdin: whether it reads this program's standard input.
        put: files and directories to copy in before it runs: paths of the host and of the guest.
        get: files and directories to copy out after it: paths of the guest and of the host.
    """

    language: str | None
    code: str
    timeout: int
    env_vars: Mapping[str, str]
    stdin: bool
    put: Sequence[tuple[str, str]]
    get: Sequence[tuple[str, str]]


async def run(agent: Agent, request: Request, language: str) -> int:
    """Run a program, pass on its output, and return its exit code.

    Args:
        agent: the guest's.
        request: the program.
        language: language of the guest's image.

    Raises:
        AgentError: the agent rejected or ended the program, or rejected a file.
        OSError: a file of the host cannot be read or written.
    """
    await asyncio.gather(*(files.put(agent, host, guest) for host, guest in request.put))
    async with agent.start(
        request.language or language,
        request.code,
        timeout=request.timeout,
        env_vars=request.env_vars,
        stdin=request.stdin,
    ) as program:
        feeding = asyncio.create_task(_feed(program)) if request.stdin else None
        try:
            async for output in program:
                _say(output.stream, output.chunk)
        finally:
            if feeding:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
        exit_code = (await program.wait()).exit_code
    await asyncio.gather(*(files.get(agent, guest, host) for guest, host in request.get))
    return exit_code


async def _feed(program: Program) -> None:
    # A program may end, or close its input, before it has read everything.
    with contextlib.suppress(errors.RequestError, errors.FileError):
        async with contextlib.aclosing(standard_input.pieces()) as pieces:
            async for piece in pieces:
                await program.write(piece)
        await program.write(b"", eof=True)


def _say(stream: str, chunk: str) -> None:
    file = sys.stderr if stream == "stderr" else sys.stdout
    # Output is untrusted: a terminal would interpret it, a file keeps it.
    file.write(printable(chunk.encode()) if file.isatty() else chunk)
    file.flush()
