"""The table of measurements is replaced and read."""

from __future__ import annotations

import pytest

from tools.measure import table

_TEXT = f"before\n{table.BEGIN}a command -->\nold\n{table.END}\nafter\n"
_IMAGES = [
    table.Measured("b.qcow2", 20_540_000, [3.0, 1.0, 2.0], [0.5, 0.25, 0.3]),
    table.Measured("a.qcow2", 1_000_000, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
]


def test_table_has_sizes_and_medians() -> None:
    lines = table.render(_IMAGES, "a machine").splitlines()
    assert lines[2:4] == ["| `a.qcow2` | 1.0 | 1.0 | 1.00 |", "| `b.qcow2` | 20.5 | 2.0 | 0.30 |"]
    assert "medians of 3 boots" in lines[-2]
    assert lines[-1] == "a machine."


def test_replace_keeps_the_text_around_the_markers() -> None:
    assert table.replace(_TEXT, "new\n") == _TEXT.replace("old", "new")


def test_sizes_come_from_between_the_markers() -> None:
    text = "| `other.qcow2` | 9.9 | 1.0 | 1.00 |\n" + table.replace(_TEXT, table.render(_IMAGES, "a machine"))
    assert table.sizes(text) == {"a.qcow2": 1.0, "b.qcow2": 20.5}


@pytest.mark.parametrize("text", ["", table.END, f"{table.END}\n{table.BEGIN}-->\n", _TEXT + table.END])
def test_text_without_markers_is_rejected(text: str) -> None:
    with pytest.raises(table.TableError):
        table.replace(text, "")
