"""Every source file of the workspace is formatted and free of lint."""

from __future__ import annotations

import os
import pathlib

import pytest

from tools.lint import sources

_WORKFLOW = """\
on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - {key}:
          x: y
        run: {script}
"""


def _tools(directory: pathlib.Path) -> sources.Tools:
    return sources.Tools(
        actionlint=[os.path.abspath(os.environ["ACTIONLINT"])],
        buildifier=[os.path.abspath(os.environ["BUILDIFIER"])],
        ruff=sources.unpack_ruff(pathlib.Path(os.environ["RUFF_WHEEL"]), directory),
        rustfmt=[os.path.abspath(os.environ["RUSTFMT"])],
        shellcheck=[os.path.abspath(os.environ["SHELLCHECK"])],
    )


def _workspace() -> pathlib.Path:
    # The runfile is a link to the file itself.
    return pathlib.Path("MODULE.bazel").resolve().parent


def test_workspace_has_sources() -> None:
    found = {str(path.relative_to(_workspace())): sources.language(path) for path in sources.files(_workspace())}
    wanted = {
        ".ci/run": "shell",
        ".github/workflows/ci.yml": "workflow",
        "BUILD.bazel": "starlark",
        "MODULE.bazel": "starlark",
        "README.md": "",
        "WORKSPACE": "starlark",
        "agents/guest_agent/src/main.rs": "rust",
        "bazelw": "shell",
        "tools/bootstrap/common.sh": "shell",
        "tools/lint/defs.bzl": "starlark",
        "tools/lint/sources_test.py": "python",
        "tools/toolchains/rust/rust.BUILD": "starlark",
    }
    assert {name: found.get(name) for name in wanted} == wanted


def test_workspace_is_clean(tmp_path: pathlib.Path) -> None:
    found = sources.problems(_tools(tmp_path), _workspace(), fix=False)
    assert not found, "\n\n".join([*found, "Fix it with: ./bazelw run //:format"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unused.py", "import os\n"),
        ("format.py", "x = [1,\n  2]\n"),
        ("format.rs", "fn main(){ }\n"),
        ("format.bzl", '"""Data."""\n\nX = [1,2]\n'),
        ("unused.bzl", '"""Data."""\n\nload("//:x.bzl", "x")\n'),
        ("BUILD", 'alias(actual = "x", name = "y")\n'),
        ("script", "#!/bin/sh\necho $1\n"),
        ("script.sh", "#!/usr/bin/env bash\ncd x\n"),
        (".github/workflows/unknown.yml", _WORKFLOW.format(key="needs", script="true")),
        (".github/workflows/script.yml", _WORKFLOW.format(key="env", script="cd $x")),
    ],
)
def test_lint_and_bad_format_are_found(tmp_path: pathlib.Path, name: str, text: str) -> None:
    workspace = tmp_path / "workspace"
    (workspace / name).parent.mkdir(parents=True)
    (workspace / name).write_text(text)
    (found,) = sources.problems(_tools(tmp_path), workspace, fix=False)
    assert name in found


def test_fix_formats_the_sources(tmp_path: pathlib.Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "format.py").write_text("x = [1,\n  2]\n")
    (workspace / "BUILD").write_text('alias(actual = "x", name = "y")\n')
    assert not sources.problems(_tools(tmp_path), workspace, fix=True)
    assert (workspace / "format.py").read_text() == "x = [1, 2]\n"
    assert (workspace / "BUILD").read_text() == 'alias(\n    name = "y",\n    actual = "x",\n)\n'
