"""Report what failed in a run and why: `./bazelw run //tools:ci_diagnose -- diagnose --input=PATH`."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from tools.ci_diagnose import logs, report
from tools.cli import cli

_COMMANDS = ("diagnose", "status")

_INPUT = flags.DEFINE_multi_string("input", None, "Directory, log, log archive or run; see README.md.", required=True)
_FORMAT = flags.DEFINE_enum("format", "plain", ["plain", "json"], "Form of the report.")
_COLOUR = flags.DEFINE_enum("colour", "auto", ["auto", "always", "never"], "Colours; auto: on a terminal.")


def main(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name."""
    if len(arguments) != 1 or arguments[0] not in _COMMANDS:
        raise cli.UsageError(f"give one of the commands {', '.join(_COMMANDS)}")
    # `bazel run` starts programs in another directory than the caller's.
    directory = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    read = [log for path in _INPUT.value for log in logs.read(str(directory / path))]
    colour = _COLOUR.value == "always" or (_COLOUR.value == "auto" and sys.stdout.isatty())
    found, remarks = report.failures(read), report.notes(read)
    if arguments[0] == "status":
        plain = _FORMAT.value == "plain"
        sys.stdout.write(report.status(read, colour=colour) if plain else report.status_as_json(read))
    elif _FORMAT.value == "json":
        sys.stdout.write(report.as_json(found, remarks))
    else:
        sys.stdout.write(report.plain(found, colour=colour, remarks=remarks))
    return 1 if found else 0


if __name__ == "__main__":
    cli.run_command(main)
