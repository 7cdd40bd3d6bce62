"""Check one ELF file, report its properties, and copy it on success."""

from __future__ import annotations

import dataclasses
import json
import pathlib

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag, elfcheck

_INPUT = flags.DEFINE_string("input", None, "File to check.", required=True)
_ARCHITECTURE = architecture_flag.define("Architecture that it must have.")
_KIND = flags.DEFINE_enum("kind", None, [str(kind) for kind in elfcheck.Kind], "Its use.", required=True)
_REPORT = flags.DEFINE_string("report", None, "Output: report (JSON).")
_COPY = flags.DEFINE_string("copy", None, "Output: a copy, for the actions that need a checked file.")


def main() -> None:
    """Check, then write the requested outputs."""
    data = pathlib.Path(_INPUT.value).read_bytes()
    info = elfcheck.check(data, _ARCHITECTURE.value, elfcheck.Kind(_KIND.value), where=_INPUT.value)
    if _COPY.value:
        with cli.output_file(_COPY.value) as stream:
            stream.write(data)
    if _REPORT.value:
        report = {"architecture": _ARCHITECTURE.value, "kind": _KIND.value}
        text = json.dumps(report | dataclasses.asdict(info), indent=2) + "\n"
        cli.write_text(_REPORT.value, text)


if __name__ == "__main__":
    cli.run(main)
