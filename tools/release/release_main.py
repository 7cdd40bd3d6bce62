"""Write the files of a Bazel registry: `bazel run //tools/release -- --version=V --url=URL --out=DIR`."""

from __future__ import annotations

import os
import pathlib
import sys

from absl import flags

from tools.cli import cli
from tools.release import archive

_VERSION = flags.DEFINE_string("version", None, "Version of the release, such as 1.2.0.", required=True)
_URL = flags.DEFINE_string("url", None, "Address of the directory of the archive.", required=True)
_OUT = flags.DEFINE_string("out", None, "Directory to write to; created if it is missing.", required=True)


def main() -> None:
    """Write the archive and the registry's files."""
    # Bazel runs programs in their runfiles; the caller's directory and the workspace are in the environment.
    out = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), _OUT.value).absolute()
    workspace = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
    print(f"wrote {archive.release(workspace, _VERSION.value, _URL.value, out)}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
