"""Plots are within their pictures, and numbers are readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.page import numbers, plots
from tools.page.page_testing import Reader

_FORMATS = settings(deadline=None, max_examples=100, database=None, derandomize=True)


@_FORMATS
@given(
    st.dictionaries(st.floats(1e-3, 1e6), st.lists(st.floats(0, 1e9), min_size=1, max_size=3), min_size=2, max_size=6)
)
def test_curve_of_any_points_is_within_the_picture(points: dict[float, list[float]]) -> None:
    text = plots.curve(sorted(points.items()), "guests", "s")
    assert Reader(text).elements
    for place in re.findall(r'c[xy]="([^"]*)"', text):
        assert -1 <= float(place) <= plots.WIDTH


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, [0, 1]), (1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (7.3, [0, 2, 4, 6]), (47, [0, 10, 20, 30, 40])],
)
def test_ticks_are_round(most: float, expected: list[float]) -> None:
    assert [round(mark, 9) for mark in plots.ticks(most)] == expected


def test_powers_enclose_the_numbers() -> None:
    assert [round(mark, 9) for mark in plots.powers(0.03, 1)] == [0.01, 0.1, 1]
    assert plots.powers(1, 1) == [1, 10]


def test_ratios_of_nothing_are_no_picture() -> None:
    assert plots.ratios([]) == ""
    assert plots.ratios([("a", float("inf"), 1, 1, None, True)]) == ""


def test_stacks_add_up_and_name_their_parts() -> None:
    text = plots.stacks({"a <b>": [("kernel", 1.5), ("mounts", 0.5)], "c": [("kernel", 1.0), ("agent", 0.25)]}, "s")
    read = Reader(text)
    assert "a <b>: kernel 1.50 s" in read.text and "c: agent 0.250 s" in read.text
    assert " 2.00 " in read.text and " 1.25 " in read.text
    rects = [attributes for tag, attributes in read.elements if tag == "rect"]
    # Four parts, and three names in the legend.
    assert len(rects) == 7
    assert rects[0]["class"] == rects[2]["class"] == rects[4]["class"] != rects[1]["class"]
    first, second = ({name: float(rect[name] or 0) for name in ("x", "width")} for rect in rects[:2])
    assert abs(second["x"] - first["x"] - first["width"]) < 0.2


@_FORMATS
@given(
    st.dictionaries(
        st.text(max_size=9), st.lists(st.tuples(st.text(max_size=9), st.floats(0, 1e6)), max_size=9), max_size=4
    )
)
def test_stacks_of_anything_are_within_the_picture(lanes: dict[str, list[tuple[str, float]]]) -> None:
    for tag, attributes in Reader(plots.stacks(lanes, "s")).elements:
        if tag == "rect":
            assert float(attributes["x"] or 0) + float(attributes["width"] or 0) <= plots.WIDTH + 1


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.01234, "0.0123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234")]
)
def test_number_has_three_digits(value: float, text: str) -> None:
    assert numbers.number(value) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(5, 5, "±0"), (0, 999, "+999 B"), (2000, 500, "−1.50 kB"), (0, 3_260_000, "+3.26 MB"), (0, 10**10, "+10.0 GB")],
)
def test_growth_has_sign_and_unit(before: int, after: int, text: str) -> None:
    assert numbers.growth(before, after) == text
