"""Sizes of files, and their budgets."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
from collections.abc import Sequence

from tools.cli import document, errors

_BUDGETS = document.record(
    version={"const": 1}, budgets=document.array(document.record(files=document.TEXT, bytes={"type": "integer"}))
)


@dataclasses.dataclass(frozen=True)
class Budget:
    """The limit of files whose names match a pattern."""

    files: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Row:
    """A file and its budget, in bytes."""

    name: str
    size: int
    budget: int


def read(path: pathlib.Path) -> list[Budget]:
    """Read a file of budgets.

    Raises:
        InputError: the file is not one.
    """
    budgets = document.load(path, _BUDGETS, "file of budgets", fix="see tools/sizes/README.md")["budgets"]
    return [Budget(budget["files"], budget["bytes"]) for budget in budgets]


def measure(files: Sequence[pathlib.Path], budgets: Sequence[Budget]) -> list[Row]:
    """Return a row for each file, by name.

    Raises:
        InputError: a file has no budget or several, or a budget has no file.
    """
    rows: list[Row] = []
    used: set[str] = set()
    for file in sorted(files, key=lambda file: file.name):
        matches = [budget for budget in budgets if fnmatch.fnmatchcase(file.name, budget.files)]
        if len(matches) != 1:
            raise errors.InputError(f"{file.name} has {len(matches)} budgets instead of one: correct them")
        used.add(matches[0].files)
        rows.append(Row(file.name, file.stat().st_size, matches[0].bytes))
    unused = [budget.files for budget in budgets if budget.files not in used]
    if unused:
        raise errors.InputError(f"budgets without a file: {', '.join(unused)}: remove them")
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text."""
    lines = [f"{'file':<30} {'bytes':>12} {'budget':>12}  used"]
    lines += [f"{row.name:<30} {row.size:>12,} {row.budget:>12,} {row.size / row.budget:>5.0%}" for row in rows]
    return "".join(line + "\n" for line in lines)


def check(rows: Sequence[Row]) -> None:
    """Compare sizes with budgets.

    Raises:
        InputError: a file is over its budget; the message names all such files.
    """
    over = [
        f"{row.name} has {row.size:,} bytes, {row.size - row.budget:,} over its budget"
        for row in rows
        if row.size > row.budget
    ]
    if over:
        raise errors.InputError(f"{'; '.join(over)}: make it smaller, or raise the budget with a reason")
