"""The results of a run of the benchmarks, as a document: `performance.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.bench import budgets, document
from tests.bench.rows import FEW, OWN
from tools.page.numbers import number

_HEAD = """\
# Performance

<!-- {command} writes this file as performance.md -->

These are the results of one run of `{command}`, on {date}:
{processors} processors ({processor}), {memory_gib} GiB, kernel {kernel}, load average {load} at the start. Each case
ran {runs} times, in turn with its peers; those of row 4 and the curves of row 11, which take minutes, ran {few} times.
A cell has the median, and the least and greatest value. The ratio is ours / the peer's; less is better.
[tests/bench/README.md](../tests/bench/README.md) describes the rows and the peers.
"""

_TABLE = """\

## {number} {title}

| quantity | ours | peer | the peer's | ratio | wanted | budget |
|---|---|---|---|---|---|---|
"""

_CURVE = {budgets.EXPONENT: "exponent of growth"}


def render(results: Mapping[str, Any]) -> str:
    """Return a document of `document.document` as Markdown."""
    return "".join(_lines(results))


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    yield _HEAD.format(**results["surroundings"], runs=results["runs"], few=min(FEW, results["runs"]))
    for row in results["rows"]:
        yield _TABLE.format(number=row["number"], title=_cell(row["title"]))
        for result in row["results"]:
            verdicts = {verdict["peer"]: verdict for verdict in result["verdicts"]}
            if result["kind"] == "curve":
                yield from _curve(result, verdicts)
            else:
                yield from _comparison(result, verdicts)
        if row["error"]:
            yield f"\nThe row failed: {_cell(row['error'])}\n"


def _comparison(result: Mapping[str, Any], verdicts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    name, unit = result["name"], result["unit"]
    own = f"{document.spread(result['samples'][OWN])} {unit}"
    if OWN in verdicts or len(result["samples"]) == 1:
        yield _row(name, own, "", "", verdicts.get(OWN))
    for peer, values in result["samples"].items():
        if peer != OWN:
            yield _row(name, own, peer, f"{document.spread(values)} {unit}", verdicts.get(peer))


def _curve(result: Mapping[str, Any], verdicts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for x, values in result["points"]:
        yield _row(
            f"{result['name']}, {x:g} {result['x']}", f"{document.spread(values)} {result['unit']}", "", "", None
        )
    for peer, verdict in verdicts.items():
        yield _row(f"{result['name']}, {_CURVE.get(peer, peer)}", "", "", "", verdict)


def _row(name: str, own: str, peer: str, theirs: str, verdict: Mapping[str, Any] | None) -> str:
    cells = [name, own, peer, theirs]
    if verdict is None:
        cells += ["", "", ""]
    else:
        ratio = document.ratio(verdict)
        if verdict["peer"] == OWN:
            # The median itself is judged, and has a cell.
            ratio = "over" if verdict["over"] else ""
        cells += [f"**{ratio}**" if verdict["over"] else ratio, _limit(verdict["wanted"]), _limit(verdict["most"])]
    return "| " + " | ".join(map(_cell, cells)) + " |\n"


def _limit(value: float | None) -> str:
    return "" if value is None else f"≤ {number(value)}"


def _cell(text: str) -> str:
    """Return text for a cell of a table, on one line."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
