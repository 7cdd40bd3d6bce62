"""Pyright finds no problem in the Python files of the workspace."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from tools.lint import types


@pytest.fixture(scope="module")
def pyright(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    wheels = [pathlib.Path(wheel) for wheel in os.environ["PYRIGHT_WHEELS"].split()]
    return types.unpack(wheels, pathlib.Path(os.environ["LOADER"]).absolute(), tmp_path_factory.mktemp("pyright"))


def _problems(pyright: list[str], workspace: pathlib.Path, directory: pathlib.Path) -> list[str]:
    return types.problems(pyright, workspace, types.package_directories(sys.path), directory / "settings.json")


def test_workspace_is_clean(pyright: list[str], tmp_path: pathlib.Path) -> None:
    # The runfile is a link to the file itself.
    workspace = pathlib.Path("MODULE.bazel").resolve().parent
    found = _problems(pyright, workspace, tmp_path)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x: int = 'a'\n", "reportAssignmentType"),
        ("def f(x):\n    return x\n", "reportMissingParameterType"),
        ("import nowhere_to_be_found\n", "reportMissingImports"),
    ],
)
def test_errors_are_found(pyright: list[str], tmp_path: pathlib.Path, text: str, rule: str) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/wrong.py").write_text(text)
    found = _problems(pyright, tmp_path, tmp_path)
    assert found
    assert any(line.endswith(f"({rule})") and "wrong.py:1" in line for line in found)


def test_packages_are_found(pyright: list[str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/right.py").write_text("from absl import app as app\nimport zstandard as zstandard\n")
    assert not _problems(pyright, tmp_path, tmp_path)


def test_empty_workspace_is_an_error(pyright: list[str], tmp_path: pathlib.Path) -> None:
    assert _problems(pyright, tmp_path, tmp_path)


def test_every_file_is_read(pyright: list[str], tmp_path: pathlib.Path) -> None:
    for directory in ("docs", "tools/deep/er"):
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / "right.py").write_text("x: int = 1\n")
    assert types.included(tmp_path) == ["docs", "tools"]
    assert not _problems(pyright, tmp_path, tmp_path)
    # Pyright excludes such directories by default.
    (tmp_path / "tools/node_modules").mkdir()
    (tmp_path / "tools/node_modules/right.py").write_text("x: int = 1\n")
    assert not _problems(pyright, tmp_path, tmp_path)
    (tmp_path / "wrong.py").write_text("x: int = 'a'\n")
    assert "wrong.py" in "".join(_problems(pyright, tmp_path, tmp_path))
