"""Plots as SVG, in the colours of the page that has them. A pointer on a mark shows its number."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from tools.page.numbers import number
from tools.page.page import escape

WIDTH = 720

# Places of what stands before and behind the plot itself.
_LEFT = 150
_RIGHT = 90

_LANE = 30

COLOURS = 6
"""Colours of the style for parts of a whole, `c0` and so on."""


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">\n'
        + "".join(part + "\n" for part in parts)
        + "</svg>"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    classes = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{classes}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _dot(x: float, y: float, radius: float, kind: str, title: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}"><title>{escape(title)}</title></circle>'


def ticks(most: float) -> list[float]:
    """Return round numbers from 0 to about `most`, three to six of them."""
    if not (0 < most < math.inf):
        return [0, 1]
    step = 10.0 ** math.floor(math.log10(most))
    for factor in (0.2, 0.5, 1, 2):
        if most / (step * factor) <= 5:
            step *= factor
            break
    return [step * index for index in range(math.floor(most / step * (1 + 1e-9)) + 1)]


def powers(least: float, most: float, base: int = 10) -> list[float]:
    """Return the powers of a base that enclose two positive numbers."""
    low, high = math.floor(math.log(least, base) + 1e-9), math.ceil(math.log(most, base) - 1e-9)
    return [float(base) ** exponent for exponent in range(low, max(high, low + 1) + 1)]


def _axis(most: float, unit: str, bottom: float) -> tuple[Callable[[float], float], list[str]]:
    """Return the scale of lanes from 0 to `most`, and the grid with its labels, whose lines end at `bottom`."""
    marks = ticks(most)

    def place(value: float) -> float:
        return _LEFT + value / max(most, marks[-1]) * (WIDTH - _LEFT - _RIGHT)

    labels = [f"{mark:g}" for mark in marks]
    labels[-1] += f" {unit}"
    return place, [
        *(_line(place(mark), 2, place(mark), bottom, "grid") for mark in marks),
        *(_text(place(mark), bottom + 16, label, anchor="middle") for mark, label in zip(marks, labels, strict=True)),
    ]


def strips(samples: Mapping[str, Sequence[float]], unit: str, ours: str) -> str:
    """Draw a lane for each case, from 0: a dot for each sample, a bar to the median, and the median as text.

    Args:
        samples: samples by case.
        unit: their unit.
        ours: the case whose lane stands out.
    """
    bottom = _LANE * len(samples) + 6
    place, parts = _axis(max(max(values) for values in samples.values()) or 1, unit, bottom)
    for lane, (case, values) in enumerate(samples.items()):
        middle, median = _LANE * lane + _LANE / 2 + 4, statistics.median(values)
        kind = "ours" if case == ours else "peer"
        width = place(median) - place(0)
        parts += [
            _text(_LEFT - 10, middle + 4, case, anchor="end", kind="strong" if case == ours else ""),
            f'<rect x="{place(0):.1f}" y="{middle - 8:.1f}" width="{width:.1f}" height="16" class="{kind} bar">'
            f"<title>{escape(f'{case}: median {number(median)} {unit}')}</title></rect>",
            *(_dot(place(value), middle, 3, f"{kind} dot", f"{case}: {number(value)} {unit}") for value in values),
            _text(place(max(values)) + 8, middle + 4, number(median), kind="strong"),
        ]
    return _svg(bottom + 24, f"samples in {unit}: {', '.join(samples)}", parts)


def curve(points: Sequence[tuple[float, Sequence[float]]], x: str, unit: str) -> str:
    """Draw how a quantity grows, on logarithmic scales, with a line through the medians and a linear dashed one.

    Args:
        points: places on the first axis and their samples, all positive.
        x: what is on the first axis.
        unit: unit of the samples.
    """
    places, height = [place for place, _ in points], 300
    values = [max(value, 1e-9) for _, samples in points for value in samples]
    medians = [(place, max(statistics.median(samples), 1e-9)) for place, samples in points]
    rows = powers(min(values), max(values))
    left, bottom = 70, height - 40

    def across(value: float) -> float:
        return left + math.log(value / places[0]) / math.log(places[-1] / places[0]) * (WIDTH - left - _RIGHT)

    def up(value: float) -> float:
        return bottom - math.log(value / rows[0]) / math.log(rows[-1] / rows[0]) * (bottom - 10)

    parts = [_line(left, up(row), WIDTH - _RIGHT, up(row), "grid") for row in rows]
    parts += [
        _text(left - 8, up(row) + 4, f"{row:g}" + (f" {unit}" if row == rows[-1] else ""), anchor="end") for row in rows
    ]
    parts += [_text(across(place), bottom + 18, f"{place:g}", anchor="middle") for place in places]
    parts.append(_text((left + WIDTH - _RIGHT) / 2, bottom + 34, x, anchor="middle"))
    # As much as the first point has, for each; it ends where the plot does.
    first = medians[0][1]
    end = min(places[-1], places[0] * rows[-1] / first)
    parts.append(_line(across(places[0]), up(first), across(end), up(first * end / places[0]), "linear"))
    parts.append(
        '<polyline class="ours line" points="'
        + " ".join(f"{across(place):.1f},{up(median):.1f}" for place, median in medians)
        + '"/>'
    )
    for place, samples in points:
        for value in samples:
            parts.append(
                _dot(across(place), up(max(value, 1e-9)), 3, "ours dot", f"{place:g} {x}: {number(value)} {unit}")
            )
    parts.append(
        _text(across(places[-1]) + 8, up(medians[-1][1]) + 4, f"{number(medians[-1][1])} {unit}", kind="strong")
    )
    return _svg(height, f"{unit} by {x}, on logarithmic scales", parts)


def ratios(values: Sequence[tuple[str, float, float, float, float | None, bool]]) -> str:
    """Draw ratios on a logarithmic scale: left of 1 is better than the peer.

    Args:
        values: label, ratio, least and most of a single run, the most that is allowed, whether the ratio is over it.
    """
    shown = [each for each in values if 0 < each[1] < math.inf]
    numbers = [value for each in shown for value in each[1:5] if value is not None and 0 < value < math.inf]
    if not numbers:
        return ""
    marks = powers(min([*numbers, 1]), max([*numbers, 1]))
    left = 330

    def place(value: float) -> float:
        bounded = min(max(value, marks[0]), marks[-1])
        return left + math.log(bounded / marks[0]) / math.log(marks[-1] / marks[0]) * (WIDTH - left - 80)

    bottom = 22 * len(shown) + 6
    parts = [_line(place(mark), 2, place(mark), bottom, "one" if mark == 1 else "grid") for mark in marks]
    parts += [_text(place(mark), bottom + 16, f"{mark:g}", anchor="middle") for mark in marks]
    for lane, (label, value, low, high, most, is_over) in enumerate(shown):
        middle = 22 * lane + 15
        kind = "over" if is_over else "ours"
        parts.append(_text(left - 10, middle + 4, label, anchor="end"))
        parts.append(_line(place(low), middle, place(high), middle, f"{kind} range"))
        if most:
            parts.append(
                f'<path class="limit" d="M{place(most):.1f} {middle - 8}v16">'
                f"<title>at most {number(most)}</title></path>"
            )
        parts.append(_dot(place(value), middle, 5, f"{kind} dot", f"{label}: {number(value)}"))
        # In a separate column: they would cover ticks and limits.
        parts.append(_text(WIDTH - 10, middle + 4, number(value), anchor="end", kind="strong"))
    return _svg(bottom + 24, "ratios of medians, ours to the peers'", parts)


def stacks(lanes: Mapping[str, Sequence[tuple[str, float]]], unit: str) -> str:
    """Draw a lane for each case, from 0: one part after the other, and their sum as text. The legend names the parts.

    Args:
        lanes: parts and their quantities, by case. Parts of one name have one colour.
        unit: unit of the quantities.
    """
    names = list(dict.fromkeys(name for parts in lanes.values() for name, _ in parts))
    kinds = {name: f"c{index % COLOURS} part" for index, name in enumerate(names)}
    bottom = _LANE * len(lanes) + 6
    most = max((sum(value for _, value in parts) for parts in lanes.values()), default=0) or 1
    place, drawn = _axis(most, unit, bottom)
    for lane, (case, parts) in enumerate(lanes.items()):
        middle, start = _LANE * lane + _LANE / 2 + 4, 0.0
        drawn.append(_text(_LEFT - 10, middle + 4, case, anchor="end"))
        for name, value in parts:
            width = place(start + value) - place(start)
            drawn.append(
                f'<rect x="{place(start):.1f}" y="{middle - 9:.1f}" width="{width:.1f}" height="18" '
                f'class="{kinds[name]}"><title>{escape(f"{case}: {name} {number(value)} {unit}")}</title></rect>'
            )
            start += value
        drawn.append(_text(place(start) + 8, middle + 4, number(start), kind="strong"))
    line, across = bottom + 30, float(_LEFT)
    for name in names:
        width = 30 + 7 * len(name)
        if across + width > WIDTH and across > _LEFT:
            line, across = line + 20, float(_LEFT)
        drawn.append(f'<rect x="{across:.1f}" y="{line:.1f}" width="12" height="12" class="{kinds[name]}"/>')
        drawn.append(_text(across + 18, line + 10, name))
        across += width
    return _svg(line + 20, f"parts in {unit}: {', '.join(lanes)}", drawn)
