"""Report what failed in a run and why: `./bazelw run //tools:ci_diagnose -- diagnose --input=PATH`."""

from __future__ import annotations

import os
import pathlib
import sys

from absl import flags

from tools.ci_diagnose import logs, report
from tools.cli import cli

_COMMANDS = ("diagnose", "status")

_INPUT = flags.DEFINE_multi_string("input", None, "Directory, log, log archive or run; see README.md.", required=True)
_FORMAT = flags.DEFINE_enum("format", "plain", ["plain", "json"], "Form of the report.")
_COLOUR = flags.DEFINE_enum("colour", "auto", ["auto", "always", "never"], "Colours; auto: on a terminal.")


def _main(command: str) -> None:
    # `bazel run` starts programs in another directory than the caller's.
    directory = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    read = [log for path in _INPUT.value for log in logs.read(str(directory / path))]
    colour = _COLOUR.value == "always" or (_COLOUR.value == "auto" and sys.stdout.isatty())
    found, remarks = report.failures(read), report.notes(read)
    if command == "status":
        plain = _FORMAT.value == "plain"
        sys.stdout.write(report.status(read, colour=colour) if plain else report.status_as_json(read))
    elif _FORMAT.value == "json":
        sys.stdout.write(report.as_json(found, remarks))
    else:
        sys.stdout.write(report.plain(found, colour=colour, remarks=remarks))
    sys.stdout.flush()
    if found:
        sys.exit(1)


def main() -> None:
    """Read the command from the arguments and run it."""
    if len(sys.argv) < 2 or sys.argv[1] not in _COMMANDS:
        print(f"ci_diagnose: the first argument must be one of: {', '.join(_COMMANDS)} (see --help)", file=sys.stderr)
        sys.exit(cli.EXIT_USAGE)
    command = sys.argv.pop(1)
    cli.run(lambda: _main(command))


if __name__ == "__main__":
    main()
