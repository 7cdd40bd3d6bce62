"""The document has every number, and shows text as text."""

from __future__ import annotations

import json

from tests.bench import document, markdown
from tests.bench.budgets import Budget
from tests.bench.document import Measured
from tests.bench.rows import OWN, Comparison, Curve, Row

_ROW = Row(
    number=6, name="launch", title="from | launch", peers={"floor": "does nothing"}, parts=(), measure=lambda _: ()
)
_COMPARISON = Comparison("x86_64, CPU", "s", {OWN: [1.0, 1.5, 1.25], "floor": [1.0, 1.0, 1.0]}, {"floor": 1.1})
_OWN = Comparison("clock", "s", {OWN: [0.7]}, {OWN: 0.5})
_CURVE = Curve("until all answer", "guests", "s", {1.0: [1.0], 4.0: [4.0]}, 1.1)
_AROUND = {
    "command": "./bazelw run //tests/bench",
    "date": "2026-01-01",
    "processor": "P",
    "processors": 2,
    "memory_gib": 4.0,
    "kernel": "6.1",
    "load": 0.1,
}


def _render(*results: Comparison | Curve, error: str = "") -> str:
    limits = {("launch", "x86_64, CPU", "floor"): Budget(1.2, "it is small")}
    found = document.document([Measured(_ROW, list(results), 61.4, error)], limits, _AROUND, 7)
    return markdown.render(json.loads(json.dumps(found)))


def test_render_shows_every_case_with_ratio_and_limits() -> None:
    text = _render(_COMPARISON, _OWN, _CURVE)
    lines = text.splitlines()
    ours = "1.25 (1.00 to 1.50) s"
    ratio = "**1.25 (1.00 to 1.50)**"
    assert f"| x86_64, CPU | {ours} | floor | 1.00 (1.00 to 1.00) s | {ratio} | ≤ 1.10 | ≤ 1.20 |" in lines
    assert "| clock | 0.700 (0.700 to 0.700) s |  |  | **over** | ≤ 0.500 | ≤ 0.500 |" in lines
    assert "| until all answer, 4 guests | 4.00 (4.00 to 4.00) s |  |  |  |  |  |" in lines
    assert "| until all answer, exponent of growth |  |  |  | 1.00 | ≤ 1.10 | ≤ 1.10 |" in lines
    assert "2 processors (P), 4.0 GiB" in text and "`./bazelw run //tests/bench`, on 2026-01-01" in text
    assert "ran 7 times" in text and "ran 3 times" in text


def test_render_keeps_hostile_text_in_its_cell() -> None:
    text = _render(error="first | <b>\n| second")
    assert "\nThe row failed: first \\| &lt;b> \\| second\n" in text
    assert "## 6 from \\| launch\n" in text
