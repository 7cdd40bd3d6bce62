"""Test the reader of budgets, and the comparison with them."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench import budgets
from tests.bench.budgets import Budget
from tests.bench.guests.rows import ROWS
from tests.bench.rows import OWN, Comparison, Curve
from tools.cli import errors

_RESULT = Comparison("x86_64", "s", {OWN: [1.0, 1.2, 1.4], "floor": [1.0, 1.0, 1.0]}, {"floor": 1.25, OWN: 2.0})


def _read(path: pathlib.Path, text: str) -> dict[budgets.Key, Budget]:
    path.write_text(text)
    return budgets.read(path)


def test_verdict_without_budget_has_wanted_limit() -> None:
    own, floor = budgets.verdicts("launch", _RESULT, {})
    assert (own.peer, own.value, own.most, own.is_over) == (OWN, 1.2, 2.0, False)
    assert (floor.peer, floor.value, floor.most, floor.is_over) == ("floor", 1.2, 1.25, False)
    assert (floor.low, floor.high) == (1.0, 1.4)


@pytest.mark.parametrize(("most", "over"), [(1.1, True), (1.2, False), (1.3, False)])
def test_verdict_with_budget_has_its_limit(most: float, over: bool) -> None:
    limits = {("launch", "x86_64", "floor"): Budget(most, "reached")}
    (verdict,) = [each for each in budgets.verdicts("launch", _RESULT, limits) if each.peer == "floor"]
    assert (verdict.is_over, verdict.most, verdict.wanted, verdict.reason) == (over, most, 1.25, "reached")


def test_verdict_ignores_budget_of_other_row() -> None:
    limits = {("exec", "x86_64", "floor"): Budget(0.1)}
    assert not any(verdict.is_over for verdict in budgets.verdicts("launch", _RESULT, limits))


def test_verdict_without_budget_and_wanted_has_no_limit() -> None:
    result = Comparison("clock", "s", {OWN: [5.0], "peer": [1.0]})
    (verdict,) = budgets.verdicts("launch", result, {})
    assert verdict.most is None and not verdict.is_over


def test_infinite_ratio_is_over() -> None:
    result = Comparison("x", "s", {OWN: [1.0], "peer": [0.0]}, {"peer": 9.0})
    assert budgets.verdicts("launch", result, {})[0].is_over


def test_verdict_of_curve_has_exponent() -> None:
    curve = Curve("x", "guests", "s", {1.0: [1.0], 4.0: [16.0]}, wanted=1.1)
    (verdict,) = budgets.verdicts("crowd", curve, {})
    assert verdict.peer == budgets.EXPONENT and round(verdict.value, 9) == 2 and verdict.is_over
    assert "crowd: x grows with exponent 2.00, over 1.10" == budgets.describe("crowd", "x", verdict)


_GOOD = {"row": "launch", "what": "x86_64", "peer": "floor", "most": 1.2}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"version": 2, "budgets": []},
        {"version": 1},
        {"version": 1, "budgets": {"a": 1}},
        *(
            {"version": 1, "budgets": [_GOOD | change]}
            for change in ({"most": "1"}, {"most": True}, {"most": -1}, {"row": 1}, {"reason": 1}, {"other": ""})
        ),
        {"version": 1, "budgets": [_GOOD, _GOOD]},
        {"version": 1, "budgets": [{"row": "launch"}]},
    ],
)
def test_read_rejects_malformed_budgets(tmp_path: pathlib.Path, document: object) -> None:
    with pytest.raises(errors.InputError, match="is not a list of budgets"):
        _read(tmp_path / "budgets.json", json.dumps(document))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["version", "budgets", *_GOOD, "reason"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200, database=None, derandomize=True)
@given(_VALUES)
def test_read_of_any_value_returns_or_rejects(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("budgets") / "budgets.json"
    try:
        found = _read(path, json.dumps({"version": 1, "budgets": [value]}))
    except errors.InputError:
        return
    assert all(budget.most >= 0 for budget in found.values())


def test_budgets_name_existing_rows_and_peers() -> None:
    peers = {row.name: row.peers.keys() | {OWN, budgets.EXPONENT} for row in ROWS}
    for row, _, peer in budgets.read(pathlib.Path("tests/bench/budgets.json")):
        # Rows of builds compute the names of their results.
        assert row not in peers or peer in peers[row]
