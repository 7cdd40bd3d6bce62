"""Copy files of the host into a guest, and out of it."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

from tools.cli import cli
from tools.cli.text import one_line
from tools.sandbox.agent import Agent
from tools.sandbox.commands import directories


def host_path(path: str) -> pathlib.Path:
    """Return a path of the host, relative to the user's directory: `bazel run` changes to another one."""
    return pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", ""), path)


async def put(agent: Agent, host: str, guest: str) -> None:
    """Copy a file or a directory into a guest; to `directory/` under its own name.

    Raises:
        AgentError: the guest rejected it.
        OSError: it cannot be read.
    """
    source = host_path(host)
    path = f"{guest}{source.name}" if not guest or guest.endswith("/") else guest
    if source.is_dir():
        await directories.put(agent, source, path.rstrip("/"))
    else:
        await directories.put_file(agent, source, path)


async def get(agent: Agent, guest: str, host: str) -> None:
    """Copy a file or a directory out of a guest; into an existing directory under its own name.

    It appears when it is complete.

    Raises:
        AgentError: the guest rejected it.
        InputError: a directory cannot be copied, see `directories.get`.
        OSError: it cannot be written.
    """
    target, guest = host_path(host), guest.rstrip("/")
    if target.is_dir():
        target = target / pathlib.PurePosixPath(guest).name
    described = await agent.stat(guest)
    if described.kind == "directory":
        await directories.get(agent, guest, target)
        return
    with cli.output_path(target) as partial:
        with open(partial, "wb") as file:
            async for piece in agent.download(guest):
                file.write(piece)
        if described.mode & 0o100:
            partial.chmod(0o755)


async def listing(agent: Agent, path: str) -> Iterator[str]:
    """Return the entries of a guest's directory, as lines that are safe to show."""
    entries = await agent.list_files(path)
    width = max((len(str(entry.size)) for entry in entries), default=0)
    return (f"{entry.size:>{width}} {one_line(entry.name)}{'/' if entry.is_dir else ''}" for entry in entries)
