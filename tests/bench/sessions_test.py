"""Tests that medians are compared, and that errors name each language that misses the budget."""

from __future__ import annotations

import pathlib

import pytest

from tests.bench import sessions
from tools.cli import errors

_GOOD = sessions.Result("x86_64", "python", [2, 3, 40], [100, 120, 900])


def test_check_accepts_results_within_the_budget() -> None:
    sessions.check([_GOOD], sessions.Budget(milliseconds=3, quicker={"python": 40}))


def test_check_names_every_language_that_misses() -> None:
    slow = sessions.Result("aarch64", "raw", [60], [600])
    with pytest.raises(errors.InputError, match="aarch64 raw: .* takes 60 ms, over 50; .* is 10.0 times quicker"):
        sessions.check([_GOOD, slow], sessions.Budget(milliseconds=50, quicker={"raw": 20}))


def test_quicker_counts_less_than_a_millisecond_as_one() -> None:
    assert sessions.Result("x86_64", "raw", [0], [30]).quicker() == 30


def test_table_has_a_row_for_each_language() -> None:
    assert sessions.table([_GOOD]).splitlines()[1].split() == [
        *("x86_64", "python", "3", "(2-40)", "120", "(100-900)", "40"),
    ]


def test_read_rejects_a_file_without_a_budget(tmp_path: pathlib.Path) -> None:
    (tmp_path / "budgets.json").write_text("{}")
    with pytest.raises(errors.InputError, match="no budget of sessions"):
        sessions.read(tmp_path / "budgets.json")


def test_read_finds_the_budget_beside_others() -> None:
    assert sessions.read(pathlib.Path("tests/bench/budgets.json")).milliseconds == 50
