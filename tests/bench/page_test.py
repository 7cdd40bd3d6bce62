"""The page has every number, stands alone, and shows text as text."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench import document, page
from tests.bench.budgets import Budget
from tests.bench.document import Measured
from tests.bench.rows import OWN, Comparison, Curve, Row
from tools.page.page_testing import Reader, check_alone

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


def test_page_has_medians_ratios_and_limits() -> None:
    read = Reader(page.render(_document(_COMPARISON, _CURVE)))
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
    read = Reader(page.render(_document(_COMPARISON, _CURVE)))
    check_alone(read)
    assert "script" not in {tag for tag, _ in read.elements}


def test_links_of_the_page_lead_to_its_parts() -> None:
    read = Reader(page.render(_document(_COMPARISON)))
    ids = {attributes.get("id") for _, attributes in read.elements}
    links = [attributes["href"] for tag, attributes in read.elements if tag == "a"]
    assert links and all(link and link[1:] in ids for link in links)


def test_page_says_what_failed() -> None:
    read = Reader(page.render(_document(error="x86_64 guest: <QEMU> ended\n--- console ---")))
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
    assert Reader(page.render(found)).elements
    assert text in document.table(found["rows"][0]).replace("\n", "\n")


def test_table_has_medians_spreads_and_verdicts() -> None:
    found = _document(_COMPARISON, _CURVE, error="")
    text = document.table(found["rows"][0])  # type: ignore[index]
    assert "    own        1.25 (1.00 to 1.50) s\n" in text
    assert "    own / floor = 1.25 (1.00 to 1.50), at most 1.20, wanted 1.10: OVER\n" in text
    assert "exponent = 0.9" in text
