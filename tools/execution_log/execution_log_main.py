"""Print the load of a build on a remote execution cluster: `./bazelw run //tools/execution_log -- --log=FILE`."""

from __future__ import annotations

import os
import pathlib

from absl import flags

from tools.cli import cli
from tools.execution_log import execution_log

_LOG = flags.DEFINE_string("log", None, "Output of Bazel's --execution_log_json_file.", required=True)


def main() -> None:
    """Print the table."""
    # A relative path is relative to the caller's directory, and `bazel run` starts programs elsewhere.
    path = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), _LOG.value)
    rows = execution_log.table(list(execution_log.read(path)))
    print("| | |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    cli.run(main)
