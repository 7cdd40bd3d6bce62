"""Treemaps as SVG: the area of a tile is its size, and tiles lie in others.

Each tile is an item of a tree, for programs that read pages aloud, and its title is its text. `treemap.js` shows the
title of the focused tile or of the one under the pointer, and moves the focus by the arrow keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from tools.page import numbers
from tools.page.page import escape
from tools.page.plots import COLOURS

WIDTH, HEIGHT = 960, 540

# Height of a tile's label, and the width of a character.
_LABEL = 15
_CHARACTER = 6.6

# Tiles that are smaller than a part of the whole become one: nobody sees them, and each costs some 200 bytes.
_LEAST = 0.0015

# Parts of a tile that is a larger part of the whole have different colours.
_MOST = 0.7


@dataclasses.dataclass(frozen=True)
class Tile:
    """A part of the whole.

    Attributes:
        name: its name.
        size: its bytes, with those of its parts.
        parts: the tiles in it.
        before: its bytes in an earlier version; None if there is nothing to compare with.
        label: a shorter name, for the tile itself; empty for the name.
    """

    name: str
    size: int
    parts: Sequence[Tile] = ()
    before: int | None = None
    label: str = ""

    @property
    def change(self) -> int:
        """Bytes by which it grew."""
        return 0 if self.before is None else self.size - self.before


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


def draw(label: str, tiles: Sequence[Tile]) -> Iterator[str]:
    """Yield the lines of a treemap and of the text below it.

    Args:
        label: its name.
        tiles: the outermost tiles.
    """
    whole = sum(tile.size for tile in tiles)
    yield '<div class="treemap">'
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="tree" aria-label="{escape(label)}">'
    shown = _merged(tiles, whole)
    for index, (tile, box) in enumerate(zip(shown, layout(shown, Box(0, 0, WIDTH, HEIGHT)), strict=True)):
        yield from _draw(tile, box, whole, f"c{index % COLOURS}", first=index == 0)
    yield "</svg>"
    # Programs that read pages aloud say the tile itself.
    yield '<output aria-hidden="true"></output>'
    yield "</div>"


def layout(tiles: Sequence[Tile], box: Box) -> list[Box]:
    """Return a rectangle for each tile, near squares, that fill a box together (the algorithm is called squarified).

    Args:
        tiles: the largest first; none is empty.
        box: the rectangle to fill.
    """
    boxes: list[Box] = []
    left = sum(tile.size for tile in tiles)
    sizes = [tile.size for tile in tiles]
    while sizes:
        area = box.width * box.height / left
        side = min(box.width, box.height)
        count = 1
        while count < len(sizes) and _worst(sizes[: count + 1], area, side) <= _worst(sizes[:count], area, side):
            count += 1
        row, sizes = sizes[:count], sizes[count:]
        # The last row takes what is left, whatever was rounded.
        thickness = sum(row) * area / side if sizes and side else max(box.width, box.height)
        place = 0.0
        for size in row:
            length = side * size / sum(row)
            if box.width >= box.height:
                boxes.append(Box(box.x, box.y + place, thickness, length))
            else:
                boxes.append(Box(box.x + place, box.y, length, thickness))
            place += length
        left -= sum(row)
        if box.width >= box.height:
            box = Box(box.x + thickness, box.y, max(box.width - thickness, 0), box.height)
        else:
            box = Box(box.x, box.y + thickness, box.width, max(box.height - thickness, 0))
    return boxes


def title(tile: Tile, whole: int) -> str:
    """Return the text of a tile: its name, its size, its part of the whole and its growth."""
    text = f"{tile.name}: {numbers.size(tile.size)}, {tile.size / whole:.1%}"
    return text if tile.before is None else f"{text}, {numbers.growth(tile.before, tile.size)}"


def _worst(sizes: Sequence[int], area: float, side: float) -> float:
    """Return the worst ratio of the sides of rectangles in one row along a side."""
    if not side:
        return 1
    total = sum(sizes) * area
    return max(max(side**2 * size * area / total**2, total**2 / (side**2 * size * area)) for size in sizes)


def _merged(tiles: Sequence[Tile], whole: int) -> list[Tile]:
    """Return tiles without empty ones, the largest first, with one in place of all that are too small to see."""
    ordered = sorted((tile for tile in tiles if tile.size), key=lambda tile: (-tile.size, tile.name))
    large = [tile for tile in ordered if tile.size >= whole * _LEAST]
    small = ordered[len(large) :]
    if len(small) < 2:
        return ordered
    before = [tile.before for tile in small if tile.before is not None]
    rest = Tile(f"{len(small)} smaller ones", sum(tile.size for tile in small), (), sum(before) if before else None)
    return sorted([*large, rest], key=lambda tile: -tile.size)


def _draw(tile: Tile, box: Box, whole: int, colour: str, *, first: bool = False, level: int = 1) -> Iterator[str]:
    kind = "grew" if tile.change > 0 else "shrank" if tile.change < 0 else colour
    yield f'<g class="tile" role="treeitem" aria-level="{level}" tabindex="{0 if first else -1}">'
    yield f"<title>{escape(title(tile, whole))}</title>"
    yield (f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" class="{kind}"/>')
    characters = int((box.width - 6) / _CHARACTER)
    labelled = box.height >= _LABEL and characters >= 3
    if labelled:
        name = tile.label or tile.name
        name = name if len(name) <= characters else f"{name[: characters - 1]}…"
        yield f'<text x="{box.x + 3:.1f}" y="{box.y + 12:.1f}">{escape(name)}</text>'
    top = _LABEL if labelled else 0
    inner = Box(box.x + 2, box.y + max(top, 2), box.width - 4, box.height - max(top, 2) - 2)
    parts = _merged(tile.parts, whole)
    # A single part is the tile itself. In a small one there is no room.
    if len(parts) > 1 and inner.width > 8 and inner.height > 8:
        yield '<g role="group">'
        for index, (part, place) in enumerate(zip(parts, layout(parts, inner), strict=True)):
            # Where one tile is nearly everything, its parts have different colours.
            own = f"c{index % COLOURS}" if tile.size > whole * _MOST else colour
            yield from _draw(part, place, whole, own, level=level + 1)
        yield "</g>"
    yield "</g>"
