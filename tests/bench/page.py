"""The report: one HTML page of a document, without a script and without anything from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench import budgets, document, plots
from tests.bench.rows import OWN

_STYLE = """
:root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #57606a; --grid: #d8dee4; --ours: #0b62c4;
  --peer: #8c959f; --over: #c2410c; --good: #1a7f37; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --ink: #e6edf3; --soft: #9198a1; --grid: #30363d; --ours: #58a6ff; --peer: #7d8590;
    --over: #ff9b50; --good: #3fb950; }
}
body { background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; }
h2 { border-top: 1px solid var(--grid); margin-top: 3rem; padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
p.soft, dt { color: var(--soft); }
dl { display: grid; gap: 0.1rem 1rem; grid-template-columns: max-content 1fr; }
dd { margin: 0; overflow-wrap: anywhere; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--grid); padding: 0.25rem 0.75rem 0.25rem 0; text-align: left;
  vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
.good { color: var(--good); }
.bad { color: var(--over); font-weight: 600; }
a { color: var(--ours); }
svg { display: block; height: auto; max-width: 56rem; width: 100%; }
td:first-child { white-space: nowrap; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg text.strong { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--grid); }
.one { stroke: var(--soft); }
.linear { stroke: var(--peer); stroke-dasharray: 5 4; }
.limit { stroke: var(--ink); stroke-width: 2; }
.ours.bar, .ours.dot { fill: var(--ours); }
.peer.bar, .peer.dot { fill: var(--peer); }
.over.dot { fill: var(--over); }
.bar { opacity: 0.3; }
.line { fill: none; stroke: var(--ours); stroke-width: 2; }
.range { stroke-width: 2; opacity: 0.5; }
.ours.range { stroke: var(--ours); }
.over.range { stroke: var(--over); }
"""

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
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<head><meta charset="utf-8"><title>Benchmarks</title>',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{_STYLE}</style></head>",
            "<body>",
            "<h1>Measured against what people use instead</h1>",
            *_head(found),
            *_summary(found["rows"], judged=found["judged"]),
            *(line for row in found["rows"] for line in _row(row)),
            "</body></html>",
            "",
        ]
    )


def _escape(value: object) -> str:
    return html.escape(str(value))


def _head(found: Mapping[str, Any]) -> Iterator[str]:
    around = found["surroundings"]
    yield "<dl>"
    for name, label in _AROUND.items():
        if around.get(name) is not None:
            yield f"<dt>{label}</dt><dd>{_escape(around[name])}</dd>"
    yield f"<dt>runs of each case</dt><dd>{found['runs']}</dd>"
    yield "</dl>"
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
    yield '<div class="wide"><table id="summary"><thead><tr><th>row</th><th>what</th><th>peer</th>'
    yield '<th class="number">ours</th><th class="number">peer\'s</th><th class="number">ratio (runs)</th>'
    yield '<th class="number">wanted</th>'
    yield '<th class="number">budget</th><th></th></tr></thead><tbody>'
    for row in rows:
        if row["error"]:
            yield f"<tr><td>{_link(row)}</td><td colspan=7>{_escape(row['error'].splitlines()[0])}</td>"
            yield '<td class="bad">failed</td></tr>'
        for result, verdict in _verdicts(row):
            yield _summary_line(row, result, verdict, judged=judged)
    yield "</tbody></table></div>"
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


def _link(row: Mapping[str, Any]) -> str:
    return f'<a href="#{_escape(row["name"])}">{row["number"]} {_escape(row["name"])}</a>'


def _summary_line(
    row: Mapping[str, Any], result: Mapping[str, Any], verdict: Mapping[str, Any], *, judged: bool
) -> str:
    ours = theirs = ""
    value = budgets.number(verdict["value"])
    if verdict["low"] != verdict["high"]:
        value += f" ({budgets.number(verdict['low'])} to {budgets.number(verdict['high'])})"
    peer = verdict["peer"]
    if result["kind"] == "comparison":
        ours = f"{_median(result['samples'][OWN])} {result['unit']}"
        if peer == OWN:
            peer, value = "–", ""
        else:
            theirs = f"{_median(result['samples'][peer])} {result['unit']}"
    if verdict["most"] is None or not judged:
        end = "<td></td>"
    else:
        end = '<td class="bad">over</td>' if verdict["over"] else '<td class="good">within</td>'
    limits = ["" if verdict[name] is None else budgets.number(verdict[name]) for name in ("wanted", "most")]
    return (
        f"<tr><td>{_link(row)}</td><td>{_escape(result['name'])}</td><td>{_escape(peer)}</td>"
        + "".join(f'<td class="number">{_escape(cell)}</td>' for cell in (ours, theirs, value, *limits))
        + f"{end}</tr>"
    )


def _median(values: Sequence[float]) -> str:
    return document.spread(values).partition(" ")[0]


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{_escape(row["name"])}">{row["number"]} {_escape(row["title"])}</h2>'
    if row["error"]:
        yield f'<p class="bad">Failed: {_escape(row["error"].splitlines()[0])}</p>'
    if row["peers"]:
        yield "<dl>"
        for peer, what in row["peers"].items():
            yield f"<dt>{_escape(peer)}</dt><dd>{_escape(what)}</dd>"
        yield "</dl>"
    for result in row["results"]:
        yield f"<h3>{_escape(result['name'])}</h3>"
        if result["kind"] == "comparison":
            yield plots.strips(result["samples"], result["unit"], OWN)
        else:
            yield plots.curve([(x, values) for x, values in result["points"]], result["x"], result["unit"])
            exponent = result["verdicts"][0]["value"]
            yield f'<p class="soft">Exponent {budgets.number(exponent)}; dashed: linear, which is 1.</p>'
        for verdict in result["verdicts"]:
            if verdict["reason"]:
                yield f'<p class="soft">Budget of {_escape(verdict["peer"])}: {_escape(verdict["reason"])}.</p>'
    yield f'<p class="soft">Measured in {row["seconds"]:.0f} s.</p>'
