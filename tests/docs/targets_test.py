"""What the docs name exists: the targets of their commands, and files."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest

_COMMAND = re.compile(r"\./bazelw (?:build|run|test) ([^`#\n]*)")
_FILE = re.compile(r"`((?:agents|docs|images|tests|tools)/[\w./-]+)`")
# What a reader replaces by a name of their own.
_PLACEHOLDER = re.compile(r"VARIANT|NAME|[{<…]")


def _workspace() -> pathlib.Path:
    # The runfile is a link to the file itself.
    return pathlib.Path("MODULE.bazel").resolve().parent


def _documents() -> list[pathlib.Path]:
    root = _workspace()
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


def _targets(text: str) -> list[str]:
    """Returns the targets of the commands in a text; what follows `--` is the program's own."""
    words = [word for command in _COMMAND.findall(text) for word in re.split(r"\s--(?:\s|$)", command)[0].split()]
    return [word for word in words if word.startswith("//") and not _PLACEHOLDER.search(word)]


def test_targets_are_read_from_commands() -> None:
    text = (
        "Run `./bazelw test //:lint`.\n./bazelw run //:lock -- --only=x # //no\n./bazelw test --a=b //x/... //y:NAME\n"
    )
    assert _targets(text) == ["//:lint", "//:lock", "//x/..."]


@pytest.mark.parametrize("document", _documents(), ids=lambda path: path.name)
def test_files_exist(document: pathlib.Path) -> None:
    files: list[str] = _FILE.findall(document.read_text())
    assert [name for name in files if not (_workspace() / name).exists()] == []


def test_targets_exist(tmp_path: pathlib.Path) -> None:
    assert shutil.which("bazel"), "no bazel on the PATH: run the tests with ./bazelw (see tests/bootstrap/README.md)"
    wanted = sorted({target for document in _documents() for target in _targets(document.read_text())})
    assert "//:lint" in wanted
    environment = {name: value for name, value in os.environ.items() if name in ("DEBIAN_MIRROR", "PATH")}
    command = ["bazel", f"--output_user_root={tmp_path}/root", "--max_idle_secs=15"]
    try:
        done = subprocess.run(
            [*command, "query", "--keep_going", "--output=label", f"set({' '.join(wanted)})"],
            cwd=_workspace(),
            env={**environment, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run([*command, "shutdown"], cwd=_workspace(), env={**environment, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
