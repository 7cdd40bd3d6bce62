"""Test the start of Python programs by tools/toolchains/python/start.sh."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any

import pytest

# Its runfiles are not beside it in a test, whose own runfiles have all files.
PROGRAM = pathlib.Path(os.environ["PROGRAM"]).absolute()
RUNFILES = pathlib.Path(os.environ["RUNFILES_DIR"])
ENVIRONMENT = {"PATH": "/nonexistent"}


@pytest.fixture(name="beside")
def _beside(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the program with its runfiles beside it, as in a build's outputs."""
    program = tmp_path / "a directory/program"
    program.parent.mkdir()
    program.write_bytes(PROGRAM.read_bytes())
    program.chmod(0o755)
    program.with_name("program.runfiles").symlink_to(RUNFILES)
    return program


def _start(program: str, *arguments: str, directory: pathlib.Path | None = None, **variables: str) -> dict[str, Any]:
    done = subprocess.run(
        [program, *arguments], cwd=directory, env=ENVIRONMENT | variables, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_program_finds_the_runfiles_beside_it(beside: pathlib.Path) -> None:
    runfiles = f"{beside}.runfiles"
    found = _start(str(beside))
    assert found["runfiles"] == {"RUNFILES_DIR": runfiles}
    assert found["interpreter"].startswith(f"{runfiles}/")
    assert found["dependency"].startswith(f"{runfiles}/")


def test_program_of_a_relative_path_gives_absolute_runfiles(beside: pathlib.Path) -> None:
    found = _start("./program", directory=beside.parent)
    assert found["directory"] == str(beside.parent)
    assert found["runfiles"]["RUNFILES_DIR"] == f"{beside.parent}/./program.runfiles"


def test_program_among_runfiles_finds_them(beside: pathlib.Path) -> None:
    relative = PROGRAM.relative_to(RUNFILES)
    assert _start(f"{beside}.runfiles/{relative}")["runfiles"]["RUNFILES_DIR"] == f"{beside}.runfiles"


def test_program_without_runfiles_uses_those_of_its_parent(beside: pathlib.Path) -> None:
    beside.with_name("program.runfiles").unlink()
    found = _start(str(beside), RUNFILES_DIR=str(RUNFILES), RUNFILES_MANIFEST_FILE="/nonexistent")
    assert found["runfiles"] == {"RUNFILES_DIR": str(RUNFILES)}


def test_program_prefers_its_own_runfiles_to_those_of_its_parent(beside: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "other").symlink_to(RUNFILES)
    found = _start(str(beside), RUNFILES_DIR=str(tmp_path / "other"))
    assert found["runfiles"] == {"RUNFILES_DIR": f"{beside}.runfiles"}


def test_program_without_any_runfiles_says_how_to_start_it(beside: pathlib.Path) -> None:
    beside.with_name("program.runfiles").unlink()
    done = subprocess.run([beside], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{beside}: its runfiles, with the interpreter, are not beside it: start it with 'bazel run'\n"
    )


def test_program_gets_its_arguments_unchanged(beside: pathlib.Path) -> None:
    arguments = ["two words", "", "*", "$HOME", "a:b", "-h", "'\"\\"]
    assert _start(str(beside), *arguments)["arguments"] == arguments


def test_modules_come_from_runfiles_before_the_callers_path_and_the_library(beside: pathlib.Path) -> None:
    found = _start(str(beside), PYTHONPATH="/callers", directory=beside.parent)
    runfiles = f"{beside}.runfiles"
    dependency = str(pathlib.Path(found["dependency"]).parent.parent)
    # Neither the program's directory nor the working directory.
    assert found["path"][:4] == [runfiles, dependency, f"{runfiles}/_main", "/callers"]
    assert all("/usr/lib/python3" in entry for entry in found["path"][4:])
