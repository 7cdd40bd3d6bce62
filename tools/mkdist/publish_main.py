"""Publish a distribution: `bazel run //images:publish -- --out=DIR`."""

from __future__ import annotations

import os
import pathlib
import sys

from absl import flags

from tools.cli import cli
from tools.mkdist import publish

_DIST = flags.DEFINE_string("dist", None, "Directory of the distribution.", required=True)
_OUT = flags.DEFINE_string("out", None, "Directory to create or replace; its parent must exist.", required=True)


def main() -> None:
    """Publish."""
    # Bazel runs programs in their runfiles; the environment has the caller's directory.
    out = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), _OUT.value).absolute()
    publish.publish(pathlib.Path(_DIST.value), out)
    print(f"published {out}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
