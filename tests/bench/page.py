"""The report: one HTML page of a document, without a script and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench import budgets, document
from tests.bench.rows import OWN
from tools.page import page, plots
from tools.page.numbers import number
from tools.page.page import Cell

_AROUND = {
    "date": "date",
    "command": "command",
    "commit": "commit",
    "processor": "processor",
    "processors": "processors",
    "memory_gib": "memory, GiB",
    "kernel": "kernel",
    "load": "load before",
}


def render(found: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        found: what `document.document` returned.
    """
    return page.render(
        "Benchmarks",
        [
            "<h1>Measured against what people use instead</h1>",
            *_head(found),
            *_summary(found["rows"], judged=found["judged"]),
            *(line for row in found["rows"] for line in _row(row)),
        ],
    )


def _head(found: Mapping[str, Any]) -> Iterator[str]:
    around = found["surroundings"]
    known = [(label, around[name]) for name, label in _AROUND.items() if around.get(name) is not None]
    yield from page.definitions([*known, ("runs of each case", found["runs"])])
    yield (
        '<p class="soft">All cases of a row alternate in the same run. Bars and ratios are medians, dots are single '
        "runs. "
        "Less is better everywhere; a ratio of 0.1 is a tenth of the peer.</p>"
    )
    if not found["judged"]:
        yield f'<p class="bad">Fewer than {budgets.JUDGED} runs: nothing is judged.</p>'


def _verdicts(row: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for result in row["results"]:
        for verdict in result["verdicts"]:
            yield result, verdict


def _summary(rows: Sequence[Mapping[str, Any]], *, judged: bool) -> Iterator[str]:
    head = [Cell("row"), Cell("what"), Cell("peer")]
    head += [Cell(name, "number") for name in ("ours", "peer's", "ratio (runs)", "wanted", "budget")]
    lines: list[list[Cell]] = []
    for row in rows:
        if row["error"]:
            lines.append([_link(row), Cell(row["error"].splitlines()[0], span=7), Cell("failed", "bad")])
        lines += [_summary_line(row, result, verdict, judged=judged) for result, verdict in _verdicts(row)]
    yield from page.table([*head, Cell("")], lines, name="summary")
    compared = [
        (
            f"{row['name']}: {result['name']}, {verdict['peer']}",
            *(verdict[name] for name in ("value", "low", "high", "most")),
            judged and verdict["over"],
        )
        for row in rows
        for result, verdict in _verdicts(row)
        if result["kind"] == "comparison" and verdict["peer"] != OWN
    ]
    if picture := plots.ratios(compared):
        yield "<h3>Ours, of the peer's: left of 1 is better; the tick is the budget</h3>"
        yield picture


def _link(row: Mapping[str, Any]) -> Cell:
    return Cell(f"{row['number']} {row['name']}", link=row["name"])


def _summary_line(
    row: Mapping[str, Any], result: Mapping[str, Any], verdict: Mapping[str, Any], *, judged: bool
) -> list[Cell]:
    ours = theirs = ""
    value = document.ratio(verdict)
    peer = verdict["peer"]
    if result["kind"] == "comparison":
        ours = f"{_median(result['samples'][OWN])} {result['unit']}"
        if peer == OWN:
            peer, value = "–", ""
        else:
            theirs = f"{_median(result['samples'][peer])} {result['unit']}"
    if verdict["most"] is None or not judged:
        end = Cell("")
    else:
        end = Cell("over", "bad") if verdict["over"] else Cell("within", "good")
    limits = ["" if verdict[name] is None else number(verdict[name]) for name in ("wanted", "most")]
    numbers = [Cell(text, "number") for text in (ours, theirs, value, *limits)]
    return [_link(row), Cell(result["name"]), Cell(peer), *numbers, end]


def _median(values: Sequence[float]) -> str:
    return document.spread(values).partition(" ")[0]


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{page.escape(row["name"])}">{row["number"]} {page.escape(row["title"])}</h2>'
    if row["error"]:
        yield f'<p class="bad">Failed: {page.escape(row["error"].splitlines()[0])}</p>'
    if row["peers"]:
        yield from page.definitions(row["peers"].items())
    for result in row["results"]:
        yield f"<h3>{page.escape(result['name'])}</h3>"
        if result["kind"] == "comparison":
            yield plots.strips(result["samples"], result["unit"], OWN)
        else:
            yield plots.curve([(x, values) for x, values in result["points"]], result["x"], result["unit"])
            exponent = result["verdicts"][0]["value"]
            yield f'<p class="soft">Exponent {number(exponent)}; dashed: linear, which is 1.</p>'
        for verdict in result["verdicts"]:
            if verdict["reason"]:
                yield f'<p class="soft">Budget of {page.escape(verdict["peer"])}: {page.escape(verdict["reason"])}.</p>'
    yield f'<p class="soft">Measured in {row["seconds"]:.0f} s.</p>'
