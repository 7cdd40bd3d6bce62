"""Print the sizes of files, and exit with 1 if one is over its budget."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli
from tools.sizes import sizes

_BUDGETS = flags.DEFINE_string("budgets", None, "File of budgets.", required=True)
_FILE = flags.DEFINE_multi_string("file", None, "File to measure.", required=True)


def main() -> None:
    """Print the table, then compare."""
    rows = sizes.measure([pathlib.Path(file) for file in _FILE.value], sizes.read(pathlib.Path(_BUDGETS.value)))
    print(sizes.table(rows), end="", flush=True)
    sizes.check(rows)


if __name__ == "__main__":
    cli.run(main)
