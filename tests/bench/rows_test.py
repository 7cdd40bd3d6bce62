"""Test ratios, exponents, and the order of cases."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tests.bench.rows import OWN, Comparison, Context, Curve


def _context(log: list[str], runs: int = 3) -> Context:
    return Context(runs=runs, parts={}, log=log.append, directory=pathlib.Path())


def test_ratio_compares_medians() -> None:
    # The median ignores the first and the last sample.
    comparison = Comparison("x", "s", {OWN: [0.1, 1.2, 99.0], "floor": [0.1, 1.0, 50.0]})
    assert comparison.ratio("floor") == 1.2
    assert comparison.ratios("floor") == [1.0, 1.2, 99.0 / 50.0]


def test_ratio_to_peer_without_time_is_infinite() -> None:
    assert Comparison("x", "s", {OWN: [1.0], "peer": [0.0]}).ratio("peer") == float("inf")


@pytest.mark.parametrize("samples", [{}, {"peer": [1.0]}, {OWN: []}, {OWN: [1.0], "peer": []}])
def test_comparison_rejects_missing_samples(samples: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="no samples"):
        Comparison("x", "s", samples)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_exponent_of_power_is_its_exponent(exponent: float) -> None:
    points = {float(x): [3.0 * x**exponent] for x in (16, 1, 4)}
    assert round(Curve("x", "guests", "s", points).exponent(), 9) == exponent


@pytest.mark.parametrize("points", [{}, {1.0: [1.0]}, {1.0: [1.0], 2.0: []}, {0.0: [1.0], 2.0: [1.0]}])
def test_curve_rejects_too_few_points(points: dict[float, list[float]]) -> None:
    with pytest.raises(ValueError, match="points"):
        Curve("x", "guests", "s", points)


def test_alternate_measures_cases_in_turn() -> None:
    order: list[str] = []

    def case(name: str) -> float:
        order.append(name)
        return float(len(order))

    log: list[str] = []
    found = _context(log).alternate({"a": lambda: case("a"), "b": lambda: case("b")})
    assert order == ["a", "b"] * 3
    assert found == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}
    assert log == [f"run {number} of 3" for number in (1, 2, 3)]


def test_alternate_async_measures_cases_in_turn() -> None:
    order: list[str] = []

    def case(name: str):
        async def measure() -> str:
            order.append(name)
            await asyncio.sleep(0)
            return name

        return measure

    assert asyncio.run(_context([], 2).alternate_async({"a": case("a"), "b": case("b")})) == {
        "a": ["a", "a"],
        "b": ["b", "b"],
    }
    assert order == ["a", "b"] * 2
