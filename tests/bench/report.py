"""What all benchmarks do with their results: read budgets, write files, judge."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tools.cli import cli, errors

JUDGED = 7
"""Fewest runs that are judged: a median of fewer says more of the machine's load than of what runs on it."""

_T = TypeVar("_T")


def read(path: pathlib.Path, what: str, parse: Callable[[Mapping[str, Any]], _T]) -> _T:
    """Read a file of budgets.

    Args:
        path: the file.
        what: what is wanted of it, for errors.
        parse: takes that out of the document, and raises KeyError and the like where it is not there.

    Raises:
        InputError: the file has none.
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
    """Compare results with their budgets, or say that there are too few."""
    if runs < JUDGED:
        print(f"fewer than {JUDGED} runs: not judged")
    else:
        check()
