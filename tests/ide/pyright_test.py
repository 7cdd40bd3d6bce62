"""Test pyright with the settings of the setup program in a workspace with first-party code."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tools.ide import settings
from tools.lint import types

_WRONG = "from tools.cli import errors\n\nx: int = errors.one_line('a')\n"


@pytest.fixture(scope="module")
def pyright(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    wheels = [pathlib.Path(wheel) for wheel in os.environ["PYRIGHT_WHEELS"].split()]
    return types.unpack(wheels, pathlib.Path(os.environ["LOADER"]).absolute(), tmp_path_factory.mktemp("pyright"))


@pytest.fixture()
def workspace(tmp_path: pathlib.Path) -> pathlib.Path:
    """Create a workspace with some of the sources and settings for them."""
    sources = pathlib.Path("MODULE.bazel").resolve().parent
    for directory in ("tools/cli", "tools/ide", "tools/lint"):
        shutil.copytree(sources / directory, tmp_path / directory)
    tool = pathlib.Path("/x/tool")
    project: dict[str, Any] = {"generator": settings.MARK, "crates": []}
    files = settings.texts(tmp_path, project, types.package_directories(sys.path), tool, tool)
    assert "wrote: pyrightconfig.json" in settings.write(tmp_path, files)
    return tmp_path


def _check(pyright: list[str], workspace: pathlib.Path) -> dict[str, Any]:
    # Like an editor, without arguments: pyright finds its settings.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [*pyright, "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads(done.stdout)


def test_pyright_is_strict_and_finds_all_imports(pyright: list[str], workspace: pathlib.Path) -> None:
    report = _check(pyright, workspace)
    assert report["summary"]["filesAnalyzed"] == len(list(workspace.rglob("*.py")))
    errors = [found for found in report["generalDiagnostics"] if found["severity"] == "error"]
    assert not errors
    (workspace / "tools/wrong.py").write_text(_WRONG)
    (found,) = [found for found in _check(pyright, workspace)["generalDiagnostics"] if found["severity"] == "error"]
    assert (pathlib.Path(found["file"]).name, found["rule"]) == ("wrong.py", "reportAssignmentType")
