"""The page has every number, stands alone, and shows text as text."""

from __future__ import annotations

import html.parser
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench import document, page, plots
from tests.bench.budgets import Budget
from tests.bench.document import Measured
from tests.bench.rows import OWN, Comparison, Curve, Row

_ROW = Row(
    number=6, name="launch", title="from launch", peers={"floor": "does nothing"}, parts=(), measure=lambda _: ()
)
_COMPARISON = Comparison("x86_64, CPU", "s", {OWN: [1.0, 1.5, 1.25], "floor": [1.0, 1.0, 1.0]}, {"floor": 1.1})
_CURVE = Curve("until all answer", "guests", "s", {1.0: [1.0, 1.1], 4.0: [3.9, 4.1], 16.0: [15.0, 17.0]}, 1.1)
_FORMATS = settings(deadline=None, max_examples=100, database=None, derandomize=True)
_AROUND = {"command": "bench", "date": "2026-01-01", "processors": 2}


def _document(*results: Comparison | Curve, error: str = "", runs: int = 7) -> dict[str, object]:
    limits = {("launch", "x86_64, CPU", "floor"): Budget(1.2, "it is <small>")}
    found = document.document([Measured(_ROW, list(results), 61.4, error)], limits, _AROUND, runs)
    # As it is read from a file.
    return json.loads(json.dumps(found))


class _Page(html.parser.HTMLParser):
    """Keep the elements that a page has, and fail if they are not nested."""

    _VOID = {"meta", "circle", "line", "rect", "polyline", "path"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_page_has_medians_ratios_and_limits() -> None:
    read = _Page(page.render(_document(_COMPARISON, _CURVE)))
    text = re.sub(r"\s+", " ", read.text)
    assert "1.25 s 1.00 s 1.25 (1.00 to 1.50) 1.10 1.20 over" in text
    assert "until all answer" in text and "Exponent" in text
    assert "it is <small>" in text


def test_page_has_every_sample() -> None:
    titles = page.render(_document(_COMPARISON, _CURVE))
    for case, values in _COMPARISON.samples.items():
        for value in values:
            assert f"<title>{case}: {value:.2f} s</title>" in titles
    assert "<title>16 guests: 17.0 s</title>" in titles


def test_page_takes_nothing_from_elsewhere() -> None:
    read = _Page(page.render(_document(_COMPARISON, _CURVE)))
    assert not {tag for tag, _ in read.elements} & {"script", "img", "link", "iframe", "object", "use", "image"}
    for _, attributes in read.elements:
        assert not attributes.keys() & {"src", "srcset", "style"} and not any(
            name.startswith("on") for name in attributes
        )
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in page.render(_document(_COMPARISON))


def test_links_of_the_page_lead_to_its_parts() -> None:
    read = _Page(page.render(_document(_COMPARISON)))
    ids = {attributes.get("id") for _, attributes in read.elements}
    links = [attributes["href"] for tag, attributes in read.elements if tag == "a"]
    assert links and all(link and link[1:] in ids for link in links)


def test_page_says_what_failed() -> None:
    read = _Page(page.render(_document(error="x86_64 guest: <QEMU> ended\n--- console ---")))
    assert "x86_64 guest: <QEMU> ended" in read.text and "console" not in read.text


def test_page_of_few_runs_says_so() -> None:
    few = page.render(_document(_COMPARISON, runs=2))
    assert "nothing is judged" in few and "over</td>" not in few
    assert "nothing is judged" not in page.render(_document(_COMPARISON))


@_FORMATS
@given(st.text(min_size=1, max_size=20), st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
def test_page_of_any_text_and_number_is_well_formed(text: str, values: list[float]) -> None:
    result = Comparison(text, text, {OWN: values, text + "2": [*values, 1e-12]})
    row = Row(number=1, name="r", title=text, peers={text: text}, parts=(), measure=lambda _: ())
    found = document.document([Measured(row, [result], 1, text)], {}, {"command": text}, 7)
    assert _Page(page.render(found)).elements
    assert text in document.table(found["rows"][0]).replace("\n", "\n")


@_FORMATS
@given(
    st.dictionaries(st.floats(1e-3, 1e6), st.lists(st.floats(0, 1e9), min_size=1, max_size=3), min_size=2, max_size=6)
)
def test_curve_of_any_points_is_within_the_picture(points: dict[float, list[float]]) -> None:
    text = plots.curve(sorted(points.items()), "guests", "s")
    assert _Page(text).elements
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


def test_table_has_medians_spreads_and_verdicts() -> None:
    found = _document(_COMPARISON, _CURVE, error="")
    text = document.table(found["rows"][0])  # type: ignore[index]
    assert "    own        1.25 (1.00 to 1.50) s\n" in text
    assert "    own / floor = 1.25 (1.00 to 1.50), at most 1.20, wanted 1.10: OVER\n" in text
    assert "exponent = 0.9" in text
