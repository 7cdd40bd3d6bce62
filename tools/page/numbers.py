"""Numbers and quantities as text."""

from __future__ import annotations

import math

_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def number(value: float) -> str:
    """Return a number with three significant digits, or all those before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def size(count: int) -> str:
    """Return a number of bytes with a decimal unit: `3.26 MB`."""
    for factor, unit in _BYTES:
        if abs(count) >= factor:
            return f"{number(count / factor)} {unit}"
    return f"{count} B"


def growth(before: int, after: int) -> str:
    """Return the difference of two numbers of bytes with its sign; `±0` for none."""
    if before == after:
        return "±0"
    return f"{'+' if after > before else '−'}{size(abs(after - before))}"
