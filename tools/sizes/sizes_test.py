"""Budgets of files."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

from tools.cli import errors
from tools.sizes import sizes

_BUDGETS = [sizes.Budget("agent-*", 100), sizes.Budget("init", 10)]


def _file(directory: pathlib.Path, name: str, size: int) -> pathlib.Path:
    file = directory / name
    file.write_bytes(bytes(size))
    return file


def test_files_are_measured(tmp_path: pathlib.Path) -> None:
    rows = sizes.measure([_file(tmp_path, "init", 10), _file(tmp_path, "agent-x", 99)], _BUDGETS)
    assert rows == [sizes.Row("agent-x", 99, 100), sizes.Row("init", 10, 10)]
    sizes.check(rows)


def test_table_has_a_line_for_each() -> None:
    header, line = sizes.table([sizes.Row("agent-x", 1500, 2000)]).splitlines()
    assert header.split() == ["file", "bytes", "budget", "used"]
    assert line.split() == ["agent-x", "1,500", "2,000", "75%"]


def test_error_names_all_files_over_budget() -> None:
    rows = [sizes.Row("a", 11, 10), sizes.Row("b", 10, 10), sizes.Row("c", 1010, 10)]
    with pytest.raises(errors.InputError, match=r"a has 11 bytes, 1 over its budget; c has 1,010 bytes, 1,000 over"):
        sizes.check(rows)


@pytest.mark.parametrize(
    ("names", "budgets", "words"),
    [
        (["other", "init", "agent-x"], _BUDGETS, "other has 0 budgets"),
        (["init", "agent-x"], [*_BUDGETS, sizes.Budget("*", 1)], "agent-x has 2 budgets"),
        (["init"], _BUDGETS, r"without a file: agent-\*"),
    ],
)
def test_files_and_budgets_belong_together(
    tmp_path: pathlib.Path, names: list[str], budgets: list[sizes.Budget], words: str
) -> None:
    with pytest.raises(errors.InputError, match=words):
        sizes.measure([_file(tmp_path, name, 1) for name in names], budgets)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 1}', '{"version": 2, "budgets": []}', '{"version": 1, "budgets": [{}]}']
)
def test_malformed_budgets_are_rejected(tmp_path: pathlib.Path, text: str) -> None:
    file = tmp_path / "budgets.json"
    file.write_text(text)
    with pytest.raises(errors.InputError, match=r"budgets\.json: "):
        sizes.read(file)


@pytest.mark.parametrize(("size", "code"), [(100, 0), (101, 1)])
def test_program_prints_the_table_and_fails_over_a_budget(tmp_path: pathlib.Path, size: int, code: int) -> None:
    budgets = tmp_path / "budgets.json"
    budgets.write_text(json.dumps({"version": 1, "budgets": [{"files": "a", "bytes": 100, "reason": "a test"}]}))
    done = subprocess.run(
        [os.environ["SIZES"], f"--budgets={budgets}", f"--file={_file(tmp_path, 'a', size)}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[1].split()[:3]) == (code, ["a", str(size), "100"])
    assert done.stderr.count("\n") == code
