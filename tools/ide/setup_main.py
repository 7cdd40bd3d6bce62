"""Write the files for editors: `./bazelw run //tools/ide:setup`."""

from __future__ import annotations

import os
import pathlib
import sys

from absl import flags

from tools.cli import cli
from tools.ide import rust_project, settings
from tools.lint import types

_BUILDIFIER = flags.DEFINE_string("buildifier", None, "The pinned buildifier.", required=True)
_CRATES = flags.DEFINE_string("crates", None, "Outputs of rules_rust's aspect, separated by spaces.", required=True)
_LIBRARY = flags.DEFINE_string("library", None, "A file of the standard library's sources.", required=True)
_RUSTC = flags.DEFINE_string("rustc", None, "The locked rustc.", required=True)
_RUST_ANALYZER = flags.DEFINE_string("rust_analyzer", None, "The locked rust-analyzer.", required=True)


def main() -> None:
    """Write files that are missing or belong to the program, and print the results."""
    directory = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not directory:
        raise cli.UsageError(f"start it with: {settings.MARK}")
    workspace = pathlib.Path(directory)
    project = rust_project.project(
        [pathlib.Path(path) for path in _CRATES.value.split()],
        workspace,
        pathlib.Path(_LIBRARY.value),
        pathlib.Path(_RUSTC.value),
    )
    files = settings.texts(
        workspace,
        project,
        types.package_directories(sys.path),
        pathlib.Path(_RUST_ANALYZER.value).resolve(),
        pathlib.Path(_BUILDIFIER.value).resolve(),
    )
    print("\n".join(settings.write(workspace, files)))


if __name__ == "__main__":
    cli.run(main)
