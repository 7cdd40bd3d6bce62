"""Runs the formatters and linters over every source file of the workspace."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import zipfile
from collections.abc import Iterator, Sequence

_EDITION = "2021"


@dataclasses.dataclass(frozen=True)
class Tools:
    """The pinned programs.

    Attributes:
        ruff: how to start ruff.
        rustfmt: how to start rustfmt.
    """

    ruff: Sequence[str]
    rustfmt: Sequence[str]


def unpack_ruff(wheel: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Takes the program out of ruff's wheel.

    The program is linked against a libc, which shall not be the machine's: it is started through the loader that
    runs this very interpreter, which comes with one.

    Args:
        wheel: the wheel.
        folder: where to put the program.

    Returns:
        The command that starts it.
    """
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".data/scripts/ruff"))
        program = folder / "ruff"
        program.write_bytes(archive.read(member))
    program.chmod(0o755)
    loader = os.readlink("/proc/self/exe")
    return [loader, "--inhibit-cache", "--library-path", os.path.dirname(loader), str(program)]


def files(workspace: pathlib.Path, suffix: str) -> Iterator[pathlib.Path]:
    """Yields the workspace's files with a suffix, in order; not those of hidden folders and of Bazel's links."""
    for folder, folders, names in os.walk(workspace):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "bazel-")) and name != "__pycache__")
        yield from (pathlib.Path(folder, name) for name in sorted(names) if name.endswith(suffix))


def problems(tools: Tools, workspace: pathlib.Path, *, fix: bool) -> list[str]:
    """Checks, or mends, the sources.

    Args:
        tools: the pinned programs.
        workspace: root of the workspace.
        fix: mend what can be mended.

    Returns:
        What the programs say is wrong, one text for each that said something.
    """
    python = [str(path) for path in files(workspace, ".py")]
    rust = [str(path) for path in files(workspace, ".rs")]
    ruff = [*tools.ruff]
    commands = [
        [*ruff, "check", "--no-cache", *(["--fix"] if fix else []), *python],
        [*ruff, "format", "--no-cache", *([] if fix else ["--diff"]), *python],
    ]
    if rust:
        commands.append([*tools.rustfmt, "--edition", _EDITION, *([] if fix else ["--check"]), *rust])
    found = []
    for command in commands:
        done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
        if done.returncode:
            found.append((done.stdout + done.stderr).strip())
    return found
