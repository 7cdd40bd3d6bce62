"""Reads budgets, writes results and judges them, for all benchmarks."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tools.cli import cli, errors

JUDGED = 7
"""Fewest runs to judge: the median of fewer depends too much on the machine's load."""

_T = TypeVar("_T")


def read(path: pathlib.Path, what: str, parse: Callable[[Mapping[str, Any]], _T]) -> _T:
    """Read a file of budgets.

    Args:
        path: the file.
        what: name of the wanted part, for errors.
        parse: returns that part of the document; raises KeyError, TypeError or ValueError if it is missing.

    Raises:
        InputError: the file lacks that part.
    """
    try:
        document = json.loads(path.read_bytes())
        if document["version"] != 1:
            raise ValueError(f"version {document['version']!r}, known: 1")
        return parse(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.InputError(f"{path}: no {what}: {error!r}", fix="see tests/bench/README.md") from error


def spread(values: Sequence[float], digits: int) -> str:
    """Return median, minimum and maximum as text."""
    median, least, most = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{median} ({least}-{most})"


def write(name: str | None, document: Mapping[str, Any]) -> None:
    """Write results as JSON, if a name is given, in the directory that `bazel run` was called in."""
    if name:
        path = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), name)
        cli.write_text(path, json.dumps(document, indent=2) + "\n")


def judge(runs: int, check: Callable[[], None]) -> None:
    """Compare results with their budgets, or report that there are too few runs."""
    if runs < JUDGED:
        print(f"fewer than {JUDGED} runs: not judged")
    else:
        check()
