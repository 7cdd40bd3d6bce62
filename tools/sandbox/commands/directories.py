"""Copy whole directories of the host into a guest, and out of it.

Entries that are neither files nor directories, such as links, are skipped and named on standard error.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator

from tools.cli.errors import InputError
from tools.cli.text import one_line
from tools.sandbox import errors, limits
from tools.sandbox.agent import Agent

_PIECE = 128 << 10


async def put(agent: Agent, source: pathlib.Path, guest: str) -> None:
    """Copy a directory into a guest, into the existing directory, if any.

    Raises:
        AgentError: the guest rejected something.
        OSError: something cannot be read.
    """
    await agent.mkdir(guest)
    # Sorted, so that an error always occurs at the same place.
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        path = _join(guest, entry.name)
        if entry.is_dir(follow_symlinks=False):
            await put(agent, pathlib.Path(entry.path), path)
        elif entry.is_file(follow_symlinks=False):
            await put_file(agent, pathlib.Path(entry.path), path)
        else:
            _skipped(entry.path)


async def put_file(agent: Agent, source: pathlib.Path, guest: str) -> None:
    """Copy a file into a guest, with its executable bit.

    Raises:
        AgentError: the guest rejected it.
        OSError: it cannot be read.
    """
    with open(source, "rb") as file:
        executable = bool(os.fstat(file.fileno()).st_mode & 0o100)

        def pieces() -> Iterator[bytes]:
            while piece := file.read(_PIECE):
                yield piece

        await agent.write_file(guest, pieces(), executable=executable)


async def get(agent: Agent, guest: str, target: pathlib.Path) -> None:
    """Copy a directory out of a guest, to a path that does not exist yet. It appears when it is complete.

    The guest is hostile: it chooses names and kinds of files. The function writes only new files and directories below
    a new directory, with one name each, and within the limits.

    Raises:
        AgentError: the guest rejected something.
        InputError: the target exists, or the directory exceeds the limits.
        OSError: something cannot be written.
        ProtocolError: the guest sent something that no agent sends.
    """
    if os.path.lexists(target):
        raise InputError("exists already", where=str(target), fix="use another name, or remove it")
    partial = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        room = limits.COPY_BYTES
        async for path, is_dir in _walk(agent, guest):
            source, copy = _join(guest, path), partial / path
            if is_dir:
                copy.mkdir()
                continue
            described = await agent.stat(source)
            if described.kind != "file":
                _skipped(source)
                continue
            # Only new files: an agent never sends two with one name.
            with open(copy, "xb") as file:
                async for piece in agent.download(source):
                    room -= len(piece)
                    if room < 0:
                        raise InputError(f"has more than {limits.COPY_BYTES} bytes", where=guest)
                    file.write(piece)
            copy.chmod(0o755 if described.mode & 0o100 else 0o644)
        # mkdtemp makes 0700, whatever the umask.
        partial.chmod(0o755)
        # Fails where there is something meanwhile, but for an empty directory.
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


async def _walk(agent: Agent, top: str) -> AsyncGenerator[tuple[str, bool]]:
    """Yield the entries below a directory of a guest: the path below it, and whether it is a directory."""
    pending, count = [""], 0
    while pending:
        directory = pending.pop()
        names = set[str]()
        for entry in await agent.list_files(_join(top, directory)):
            name, path = entry.name, _join(directory, entry.name)
            if name in {"", ".", ".."} or "/" in name or "\0" in name or name in names:
                raise errors.ProtocolError(f"the guest sent a name that no agent sends: {one_line(name)!r}")
            names.add(name)
            count += 1
            if count > limits.COPY_ENTRIES or path.count("/") >= limits.COPY_DEPTH:
                limit = f"more than {limits.COPY_ENTRIES} files, or directories more than {limits.COPY_DEPTH} deep"
                raise InputError(f"has {limit}", where=top)
            yield path, entry.is_dir
            if entry.is_dir:
                pending.append(path)


def _join(directory: str, name: str) -> str:
    """Join paths below the home of a guest, which itself is the empty one."""
    return "/".join(part for part in (directory, name) if part)


def _skipped(path: str) -> None:
    print(f"skipped, since it is neither a file nor a directory: {one_line(path)}", file=sys.stderr)
