"""Measure the project and its peers in the same run: `./bazelw run //tests/bench -- --out=DIR`.

The program prints the samples of each case and our ratio to each peer, and writes DIR/results.json, DIR/report.html and
DIR/performance.md. It exits with 1 if a ratio is over its budget, or if a row failed.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

from absl import flags

from tests.bench import budgets, document, markdown, page
from tests.bench.builds import rows as builds
from tests.bench.guests import rows as guests
from tests.bench.rows import Context, Row
from tools.cli import cli, errors
from tools.sandbox.errors import SandboxError

_ROWS = sorted([*builds.ROWS, *guests.ROWS], key=lambda row: row.number)
_NUMBERS = sorted({row.number for row in _ROWS})

_CHOSEN = flags.DEFINE_list(
    "rows", [], f"Numbers of the rows to measure: {', '.join(map(str, _NUMBERS))}. All without it."
)
_RUNS = flags.DEFINE_integer(
    "runs",
    budgets.JUDGED,
    f"How often each case is measured. Fewer than {budgets.JUDGED} runs are not judged.",
    lower_bound=1,
)
_OUT = flags.DEFINE_string("out", None, "Directory for results.json, report.html and performance.md.")
_BUDGETS = flags.DEFINE_string("budgets", None, "File of budgets.", required=True)
_PARTS = flags.DEFINE_multi_string("part", [], "NAME=PATH: a file that rows need.")


def main() -> None:
    """Measure the rows one after another, and update the outputs after each."""
    rows = _chosen(_CHOSEN.value)
    limits = budgets.read(pathlib.Path(_BUDGETS.value))
    parts = _parts(rows)
    out = _directory(_OUT.value)
    around = document.surroundings(_command(sys.argv[1:]))
    measured: list[document.Measured] = []
    found = document.document(measured, limits, around, _RUNS.value)
    for row in rows:
        measured.append(_measure(row, parts))
        found = document.document(measured, limits, around, _RUNS.value)
        print(document.table(found["rows"][-1]), flush=True)
        if out:
            cli.write_text(out / "results.json", json.dumps(found, indent=1) + "\n")
            cli.write_text(out / "report.html", page.render(found))
            cli.write_text(out / "performance.md", markdown.render(found))
    _judge(measured, limits)


def _chosen(values: Sequence[str]) -> list[Row]:
    """Return the rows with these numbers.

    Raises:
        UsageError: no row has a number.
    """
    for value in values:
        if value not in map(str, _NUMBERS):
            raise cli.UsageError(f"--rows={value}: no such row, known: {', '.join(map(str, _NUMBERS))}")
    return [row for row in _ROWS if not values or str(row.number) in values]


def _parts(rows: Sequence[Row]) -> dict[str, pathlib.Path]:
    # Programs start in other directories.
    given = dict(cli.key_value("part", value) for value in _PARTS.value)
    parts = {name: pathlib.Path(path).absolute() for name, path in given.items()}
    missing = sorted({name for row in rows for name in row.parts} - parts.keys())
    if missing:
        raise cli.UsageError(f"--part={missing[0]}=PATH is missing: run the target, which has them all")
    return parts


def _directory(name: str | None) -> pathlib.Path | None:
    if not name:
        return None
    # `bazel run` starts the program in another directory.
    path = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), name)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _command(arguments: Sequence[str]) -> str:
    ours = ("--part=", "--budgets=")
    # The report says nothing about where it lies.
    given = [re.sub(r"^(--out=).*", r"\1DIR", argument) for argument in arguments if not argument.startswith(ours)]
    return " ".join(["./bazelw run //tests/bench", *(["--", shlex.join(given)] if given else [])])


def _measure(row: Row, parts: Mapping[str, pathlib.Path]) -> document.Measured:
    """Measure a row. A failure does not end the program."""
    measured = document.Measured(row, [])
    start = time.monotonic()

    def log(text: str) -> None:
        print(f"[{row.number} {row.name}] {text}", file=sys.stderr, flush=True)

    log(row.title)
    try:
        with tempfile.TemporaryDirectory(prefix="bench.") as directory:
            context = Context(runs=_RUNS.value, parts=parts, log=log, directory=pathlib.Path(directory))
            measured.results.extend(row.measure(context))
    # Caches and copies of the workspace are libraries of tests, and fail like tests.
    except (errors.InputError, SandboxError, AssertionError) as error:
        measured.error = str(error) or type(error).__name__
        log(f"failed: {error}")
    measured.seconds = time.monotonic() - start
    return measured


def _judge(measured: Sequence[document.Measured], limits: Mapping[budgets.Key, budgets.Budget]) -> None:
    """Compare all values with their budgets, or print that the runs are too few.

    Raises:
        InputError: a row failed, or a value is over its budget. The message names all of them.
    """
    wrong = [f"{each.row.name} failed: {each.error.splitlines()[0]}" for each in measured if each.error]
    if _RUNS.value < budgets.JUDGED:
        print(f"fewer than {budgets.JUDGED} runs: not judged")
    else:
        wrong += [
            budgets.describe(each.row.name, result.name, verdict)
            for each in measured
            for result in each.results
            for verdict in budgets.verdicts(each.row.name, result, limits)
            if verdict.is_over
        ]
    if wrong:
        raise errors.InputError(
            "; ".join(wrong),
            fix="find what takes the time (tests/bench/README.md), or change budgets.json with a reason",
        )


if __name__ == "__main__":
    cli.run(main)
