"""Create rust-project.json, which describes the crates of a build without cargo to rust-analyzer."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from tools.cli import errors

_EXECUTION_ROOT = "__EXEC_ROOT__/"


class ProjectError(errors.InputError):
    """Crates that do not form a project."""


def external_directory(file: pathlib.Path) -> pathlib.Path:
    """Return the directory of Bazel's repositories.

    A runfile is a link into it, so that a program under `bazel run` can find it.

    Args:
        file: a file of a repository, or a link to one.

    Raises:
        ProjectError: it is not such a file.
    """
    for directory in file.resolve().parents:
        if directory.name == "external":
            return directory
    raise ProjectError("is not in a repository of Bazel", where=str(file))


def project(
    specs: Sequence[pathlib.Path], workspace: pathlib.Path, library: pathlib.Path, rustc: pathlib.Path
) -> dict[str, Any]:
    """Return the content of rust-project.json.

    Args:
        specs: outputs of rules_rust's aspect, one per crate, see private/crate_specs.bzl.
        workspace: root of the workspace.
        library: a file in the directory of the standard library's sources.
        rustc: the locked compiler, in a directory `bin`.

    Raises:
        ProjectError: a crate depends on a missing one.
    """
    crates: dict[str, dict[str, Any]] = {}
    for path in sorted(specs):
        spec = json.loads(path.read_text("utf-8"))
        known = crates.setdefault(spec["crate_id"], spec)
        # To an editor, a library and its test are one crate, with the dependencies of both.
        for key in ("cfg", "deps"):
            known[key] = list(dict.fromkeys([*known[key], *spec[key]]))
    order = {name: index for index, name in enumerate(sorted(crates))}
    execution_root = str(external_directory(library).parent) + "/"
    return {
        "generator": "./bazelw run //tools/ide:setup",
        # The parent of `bin/rustc`, which rust-analyzer runs for the target's cfg values.
        "sysroot": str(rustc.resolve().parent.parent),
        "sysroot_src": str(library.resolve().parent),
        "crates": [_crate(crates[name], crates, order, workspace, execution_root) for name in order],
    }


def _crate(
    spec: dict[str, Any],
    crates: dict[str, dict[str, Any]],
    order: dict[str, int],
    workspace: pathlib.Path,
    execution_root: str,
) -> dict[str, Any]:
    def absolute(path: str) -> str:
        if path.startswith(_EXECUTION_ROOT):
            return execution_root + path.removeprefix(_EXECUTION_ROOT)
        return str(workspace / path)

    missing = [name for name in spec["deps"] if name not in order]
    if missing:
        raise ProjectError(f"depends on {missing[0]}, which no target of :crates contains", where=spec["display_name"])
    root = absolute(spec["root_module"])
    return {
        "display_name": spec["display_name"],
        "root_module": root,
        "edition": spec["edition"],
        "deps": [
            {"crate": order[name], "name": spec["aliases"].get(name, crates[name]["display_name"])}
            for name in spec["deps"]
        ],
        "is_workspace_member": spec["is_workspace_member"],
        "source": {"include_dirs": [str(pathlib.Path(root).parent)], "exclude_dirs": []},
        "cfg": spec["cfg"],
        "target": spec["target"],
        "env": spec["env"],
        "is_proc_macro": "proc_macro_dylib_path" in spec,
    }
