"""Starts the language server of Starlark, as editors do: `./bazelw run //tools/ide:starlark`."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

from absl import flags

from tools.cli import cli
from tools.ide import rust_project, starlark

_EXTERNAL = flags.DEFINE_string("external", None, "Bazel's folder of repositories. Default: the one of the server.")
_SERVER = flags.DEFINE_string("server", None, "The language server.", required=True)


def main() -> None:
    """Serves until the editor hangs up; requests come on standard input."""
    folder = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not folder:
        raise cli.UsageError("start it with: ./bazelw run //tools/ide:starlark")
    workspace = pathlib.Path(folder)
    external = pathlib.Path(_EXTERNAL.value or rust_project.external_folder(pathlib.Path(_SERVER.value)))
    shown = starlark.link_repositories(external.parent, starlark.repository_mapping(external), workspace)
    with tempfile.TemporaryDirectory(prefix="starlark.") as programs:
        starlark.write_bazel(pathlib.Path(programs, "bazel"), workspace, shown)
        path = f"{programs}:{os.environ.get('PATH', os.defpath)}"
        command = [os.path.abspath(_SERVER.value), "--lsp", "--bazel"]
        sys.exit(subprocess.run(command, cwd=workspace, env={**os.environ, "PATH": path}, check=False).returncode)


if __name__ == "__main__":
    cli.run(main)
