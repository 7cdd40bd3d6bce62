"""Tiles fill the map without overlaps, and name everything with its size."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tools.page import treemap
from tools.page.page_testing import Reader
from tools.page.treemap import Box, Tile

_BOX = Box(10, 20, 300, 200)
_TILES = [
    Tile("libc6", 6_000_000, [Tile("usr/lib", 4_000_000, before=3_000_000), Tile("usr/bin", 2_000_000)]),
    Tile("bash <b>", 3_000_000, before=4_000_000),
    Tile("empty", 0),
    *(Tile(f"small{number}", 100) for number in range(3)),
]


@settings(deadline=None, max_examples=200, database=None, derandomize=True)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40))
def test_tiles_fill_the_box_without_overlaps(sizes: list[int]) -> None:
    sizes.sort(reverse=True)
    boxes = treemap.layout([Tile(str(index), size) for index, size in enumerate(sizes)], _BOX)
    assert len(boxes) == len(sizes)
    whole = _BOX.width * _BOX.height
    for size, box in zip(sizes, boxes, strict=True):
        assert math.isclose(box.width * box.height, whole * size / sum(sizes), rel_tol=1e-3, abs_tol=1e-3)
        assert _BOX.x - 1e-6 <= box.x and box.x + box.width <= _BOX.x + _BOX.width + 1e-6
        assert _BOX.y - 1e-6 <= box.y and box.y + box.height <= _BOX.y + _BOX.height + 1e-6
    for one, other in itertools.combinations(boxes, 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert across < 1e-6 or down < 1e-6


def test_equal_tiles_are_near_squares() -> None:
    for box in treemap.layout([Tile(str(index), 1) for index in range(6)], Box(0, 0, 300, 200)):
        assert math.isclose(box.width, 100) and math.isclose(box.height, 100)


def test_tiles_have_titles_levels_and_one_stop_of_the_tab_key() -> None:
    read = Reader("\n".join(treemap.draw("a <disk>", _TILES)))
    assert "libc6: 6.00 MB, 66.7%" in read.text
    assert "usr/lib: 4.00 MB, 44.4%, +1.00 MB" in read.text
    assert "bash <b>: 3.00 MB, 33.3%, −1.00 MB" in read.text
    assert "3 smaller ones: 300 B" in read.text and "empty" not in read.text
    tiles = [attributes for _, attributes in read.elements if attributes.get("role") == "treeitem"]
    assert [tile["aria-level"] for tile in tiles] == ["1", "2", "2", "1", "1"]
    assert [tile["tabindex"] for tile in tiles] == ["0", "-1", "-1", "-1", "-1"]
    kinds = [attributes["class"] for tag, attributes in read.elements if tag == "rect"]
    assert kinds == ["c0", "grew", "c0", "shrank", "c2"]


def test_parts_of_a_tile_that_is_nearly_everything_have_different_colours() -> None:
    usr = Tile("usr", 95, [Tile("lib", 60, [Tile("a", 40), Tile("b", 20)]), Tile("bin", 35)])
    read = Reader("\n".join(treemap.draw("disk", [usr, Tile("etc", 5)])))
    kinds = [attributes["class"] for tag, attributes in read.elements if tag == "rect"]
    assert kinds == ["c0", "c0", "c0", "c0", "c1", "c1"]


def test_map_of_nothing_is_empty() -> None:
    assert "treeitem" not in "\n".join(treemap.draw("disk", [Tile("empty", 0)]))
