"""Run the formatters and linters over every source file of the workspace."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import re
import subprocess
import zipfile
from collections.abc import Iterator, Sequence

_EDITION = "2021"
_SUFFIXES = {
    ".BUILD": "starlark",
    ".bazel": "starlark",
    ".bzl": "starlark",
    ".py": "python",
    ".rs": "rust",
    ".sh": "shell",
}
_SHELL = re.compile(rb"#! ?/(usr/bin/env |bin/)(ba)?sh\b")

# All of buildifier's own warnings, except that a macro must have a `name`: a macro that declares a family of products
# names them after their variants.
_WARNINGS = "-warnings=-unnamed-macro"


@dataclasses.dataclass(frozen=True)
class Tools:
    """The pinned programs.

    Attributes:
        actionlint: command that starts actionlint.
        buildifier: command that starts buildifier.
        ruff: command that starts ruff.
        rustfmt: command that starts rustfmt.
        shellcheck: command that starts shellcheck.
    """

    actionlint: Sequence[str]
    buildifier: Sequence[str]
    ruff: Sequence[str]
    rustfmt: Sequence[str]
    shellcheck: Sequence[str]


def unpack_ruff(wheel: pathlib.Path, directory: pathlib.Path) -> list[str]:
    """Unpack the program from ruff's wheel.

    The program is linked against a libc, which must not be the machine's: the loader of this interpreter starts it with
    that interpreter's own libc.

    Args:
        wheel: the wheel.
        directory: output: the program.

    Returns:
        The command that starts it.
    """
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".data/scripts/ruff"))
        program = directory / "ruff"
        program.write_bytes(archive.read(member))
    program.chmod(0o755)
    loader = os.readlink("/proc/self/exe")
    return [loader, "--inhibit-cache", "--library-path", os.path.dirname(loader), str(program)]


def files(workspace: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the workspace's files, in order, without hidden directories (except CI's) and Bazel's links."""
    for directory, directories, names in os.walk(workspace):
        directories[:] = sorted(
            name
            for name in directories
            if name in (".ci", ".github")
            or not name.startswith((".", "bazel-"))
            and name not in ("__pycache__", "node_modules")
        )
        yield from (pathlib.Path(directory, name) for name in sorted(names))


def language(path: pathlib.Path) -> str:
    """Return a file's language: python, rust, shell, starlark, workflow; empty for any other."""
    if path.suffix in (".yaml", ".yml") and path.parts[-3:-1] == (".github", "workflows"):
        return "workflow"
    if path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix]
    if path.name in ("BUILD", "WORKSPACE"):
        return "starlark"
    if not path.suffix and path.is_file():
        with open(path, "rb") as stream:
            if _SHELL.match(stream.read(64)):
                return "shell"
    return ""


def problems(tools: Tools, workspace: pathlib.Path, *, fix: bool) -> list[str]:
    """Check or fix the sources.

    Args:
        tools: the pinned programs.
        workspace: root of the workspace.
        fix: whether to fix the sources.

    Returns:
        The problems, one text for each program that found some.
    """
    sources: dict[str, list[str]] = collections.defaultdict(list)
    for path in files(workspace):
        sources[language(path)].append(str(path))
    commands: list[list[str]] = []
    if python := sources["python"]:
        commands.append([*tools.ruff, "check", "--no-cache", *(["--fix"] if fix else []), *python])
        commands.append([*tools.ruff, "format", "--no-cache", *([] if fix else ["--diff"]), *python])
    if rust := sources["rust"]:
        commands.append([*tools.rustfmt, "--edition", _EDITION, *([] if fix else ["--check"]), *rust])
    if shell := sources["shell"]:
        # -x: also read sourced scripts.
        commands.append([*tools.shellcheck, "-x", *shell])
    if starlark := sources["starlark"]:
        modes = ["-mode=fix", "-lint=fix"] if fix else ["-mode=check", "-lint=warn"]
        commands.append([*tools.buildifier, *modes, _WARNINGS, *starlark])
    if workflows := sources["workflow"]:
        # shellcheck checks the scripts in workflows; there is no Python in them.
        commands.append([*tools.actionlint, f"-shellcheck={tools.shellcheck[0]}", "-pyflakes=", *workflows])
    found: list[str] = []
    for command in commands:
        done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
        if done.returncode:
            found.append((done.stdout + done.stderr).strip())
    return found
