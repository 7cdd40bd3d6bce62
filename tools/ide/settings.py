"""The files for editors, written without changing the user's own files."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tools.cli import cli
from tools.lint import types

# A file with this text belongs to the program, which updates it; it keeps any other.
MARK = "./bazelw run //tools/ide:setup"

_EXTENSIONS = ["rust-lang.rust-analyzer", "ms-python.python", "detachhead.basedpyright", "bazelbuild.vscode-bazel"]


def texts(
    workspace: pathlib.Path,
    rust_project: Mapping[str, Any],
    packages: Sequence[str],
    rust_analyzer: pathlib.Path,
    buildifier: pathlib.Path,
) -> dict[str, str]:
    """Return the files: path in the workspace to content.

    Args:
        workspace: root of the workspace.
        rust_project: content of rust-project.json.
        packages: directories of the Python packages that first-party code imports.
        rust_analyzer: the locked rust-analyzer.
        buildifier: the pinned buildifier.
    """
    bazel = str(workspace / "bazelw")
    pyright = {**types.config(workspace, packages), "include": types.included(workspace)}
    visual = {
        "rust-analyzer.server.path": str(rust_analyzer),
        "rust-analyzer.linkedProjects": ["rust-project.json"],
        # There is no Cargo.toml for its checks; clippy is `./bazelw test //:lint`.
        "rust-analyzer.checkOnSave": False,
        # No crate has such macros, and Debian ships no server for them.
        "rust-analyzer.procMacro.enable": False,
        "bazel.executable": bazel,
        "bazel.buildifierExecutable": str(buildifier),
        "bazel.buildifierFixOnFormat": True,
        "files.watcherExclude": {"**/bazel-*/**": True},
        "search.exclude": {"bazel-*": True},
    }
    return {
        "rust-project.json": _json(rust_project),
        "pyrightconfig.json": _commented(pyright),
        ".vscode/settings.json": _commented(visual),
        ".vscode/extensions.json": _commented({"recommendations": _EXTENSIONS}),
        # IntelliJ and CLion.
        ".bazelproject": f"# Written by {MARK}\n\nbazel_binary: {bazel}\n\n"
        "directories:\n  .\n\nderive_targets_from_directories: true\n\n"
        "additional_languages:\n  python\n  rust\n",
    }


def write(workspace: pathlib.Path, files: Mapping[str, str]) -> list[str]:
    """Write files that are missing or belong to the program.

    Args:
        workspace: root of the workspace.
        files: path in the workspace to content.

    Returns:
        One line for each file, with the result.
    """
    said: list[str] = []
    for name, text in files.items():
        path = workspace / name
        old = path.read_text("utf-8", "replace") if path.exists() else None
        if old == text:
            said.append(f"unchanged: {name}")
        elif old is not None and MARK not in old:
            said.append(f"kept, since it is your own: {name}")
        else:
            path.parent.mkdir(exist_ok=True)
            cli.write_text(path, text)
            said.append(f"wrote: {name}")
    return said


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _commented(value: Mapping[str, Any]) -> str:
    return f"// Written by {MARK}\n{_json(value)}"
