"""Format the workspace's sources: `./bazelw run //:format`."""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile

from absl import app, flags

from tools.lint import sources

_ACTIONLINT = flags.DEFINE_string("actionlint", None, "The pinned actionlint.", required=True)
_BUILDIFIER = flags.DEFINE_string("buildifier", None, "The pinned buildifier.", required=True)
_RUFF_WHEEL = flags.DEFINE_string("ruff_wheel", None, "The pinned wheel of ruff.", required=True)
_RUSTFMT = flags.DEFINE_string("rustfmt", None, "The locked rustfmt.", required=True)
_SHELLCHECK = flags.DEFINE_string("shellcheck", None, "The locked shellcheck.", required=True)


def main(argv: list[str]) -> int:
    """Fix what the tools can fix; print the rest and return 1."""
    if len(argv) > 1:
        raise app.UsageError(f"takes no arguments, got {argv[1]}")
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        print("format: start it with: ./bazelw run //:format", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        tools = sources.Tools(
            actionlint=[os.path.abspath(_ACTIONLINT.value)],
            buildifier=[os.path.abspath(_BUILDIFIER.value)],
            ruff=sources.unpack_ruff(pathlib.Path(_RUFF_WHEEL.value), pathlib.Path(directory)),
            rustfmt=[os.path.abspath(_RUSTFMT.value)],
            shellcheck=[os.path.abspath(_SHELLCHECK.value)],
        )
        found = sources.problems(tools, pathlib.Path(workspace), fix=True)
    print("\n\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    app.run(main)
