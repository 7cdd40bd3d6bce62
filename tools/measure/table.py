"""Render, replace and read the table of sizes and boot times in a Markdown file."""

from __future__ import annotations

import dataclasses
import re
import statistics
from collections.abc import Sequence

from tools.cli import errors

BEGIN = "<!-- measurements: "
"""Beginning of the line before the table; the command that updates it follows."""

END = "<!-- /measurements -->"

_ROW = re.compile(r"\| `([^`]+)` \| ([0-9.]+) \|.*", re.ASCII)


class TableError(errors.InputError):
    """A file without markers for the table."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """An image and its boots.

    Attributes:
        name: file name of the disk.
        size: its bytes.
        boots: seconds from the start of QEMU to the agent's first response, of each boot.
        runs: seconds of the first program after each boot, from the request to its end.
    """

    name: str
    size: int
    boots: Sequence[float]
    runs: Sequence[float]


def render(images: Sequence[Measured], machine: str) -> str:
    """Return the table, and a sentence that explains the times."""
    count = len(images[0].boots)
    lines = [
        "| disk | MB | boot, s | first program, s |",
        "|---|---|---|---|",
        *(
            f"| `{image.name}` | {image.size / 1e6:.1f} | {statistics.median(image.boots):.1f} "
            f"| {statistics.median(image.runs):.2f} |"
            for image in sorted(images, key=lambda image: image.name)
        ),
        "",
        f"Boot: from the start of QEMU to the agent's first answer. Times are medians of {count} boots each, on",
        f"{machine}.",
    ]
    return "\n".join(lines) + "\n"


def replace(text: str, table: str) -> str:
    """Return a text with a new table between its markers.

    Raises:
        TableError: the text does not have each marker exactly once.
    """
    begin, end = _place(text)
    return text[:begin] + table + text[end:]


def sizes(text: str) -> dict[str, float]:
    """Return the megabytes of each disk from the table between a text's markers.

    Raises:
        TableError: the text does not have each marker exactly once.
    """
    begin, end = _place(text)
    matches = (_ROW.fullmatch(line) for line in text[begin:end].splitlines())
    return {match[1]: float(match[2]) for match in matches if match}


def _place(text: str) -> tuple[int, int]:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise TableError(f"the file must have one {BEGIN.strip()} … --> and one {END} after it", fix="add them")
    return text.index("\n", text.index(BEGIN)) + 1, text.index(END)
