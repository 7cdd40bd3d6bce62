"""Every source file of the workspace is formatted and free of lint."""

from __future__ import annotations

import os
import pathlib

import pytest

from tools.lint import sources


def _tools(folder: pathlib.Path) -> sources.Tools:
    return sources.Tools(
        ruff=sources.unpack_ruff(pathlib.Path(os.environ["RUFF_WHEEL"]), folder),
        rustfmt=[os.path.abspath(os.environ["RUSTFMT"])],
    )


def _workspace() -> pathlib.Path:
    # The runfile is a link to the file itself.
    return pathlib.Path("MODULE.bazel").resolve().parent


def test_workspace_is_found_and_has_sources() -> None:
    names = {path.name for path in sources.files(_workspace(), ".py")}
    assert "sources_test.py" in names


def test_workspace_is_clean(tmp_path: pathlib.Path) -> None:
    found = sources.problems(_tools(tmp_path), _workspace(), fix=False)
    assert not found, "\n\n".join([*found, "Mend it with: ./bazelw run //:format"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unused.py", "import os\n"),
        ("format.py", "x = [1,\n  2]\n"),
        ("format.rs", "fn main(){ }\n"),
    ],
)
def test_lint_and_bad_format_are_found(tmp_path: pathlib.Path, name: str, text: str) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / name).write_text(text)
    (found,) = sources.problems(_tools(tmp_path), workspace, fix=False)
    assert name in found


def test_fix_mends(tmp_path: pathlib.Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "format.py").write_text("x = [1,\n  2]\n")
    assert not sources.problems(_tools(tmp_path), workspace, fix=True)
    assert (workspace / "format.py").read_text() == "x = [1, 2]\n"
