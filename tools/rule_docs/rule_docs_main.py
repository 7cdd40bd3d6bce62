"""Write the reference of the public rules: `./bazelw run //docs:rules`."""

from __future__ import annotations

import os
import pathlib

from absl import flags

from tools.cli import cli
from tools.rule_docs import module_info, render

_COMMAND = flags.DEFINE_string("command", None, "Command that updates the document, for the document.", required=True)
_EXTRACT = flags.DEFINE_multi_string(
    "extract", None, "Output of starlark_doc_extract for one file; in the document's order.", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "Path of the document, below the workspace's root.", required=True)


def main() -> None:
    """Write the document."""
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        raise cli.UsageError(f"start it with: {_COMMAND.value}")
    modules = [module_info.parse(pathlib.Path(path).read_bytes(), path) for path in _EXTRACT.value]
    cli.write_text(pathlib.Path(workspace, _OUTPUT.value), render.reference(modules, _COMMAND.value))


if __name__ == "__main__":
    cli.run(main)
