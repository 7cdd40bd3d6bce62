"""Test of rust-project.json."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tools.ide import rust_project


def _spec(directory: pathlib.Path, file: str, name: str, root: str, deps: list[str], **more: Any) -> pathlib.Path:
    spec: dict[str, Any] = {
        "crate_id": f"ID-{root}",
        "display_name": name,
        "edition": "2021",
        "env": {},
        "is_workspace_member": not root.startswith("external/"),
        "root_module": f"__EXEC_ROOT__/{root}" if root.startswith("external/") else root,
        "deps": deps,
        "aliases": {},
        "cfg": ["test"],
        "target": "x86_64-unknown-linux-gnu",
        **more,
    }
    path = directory / file
    path.write_text(json.dumps(spec))
    return path


@pytest.fixture()
def library(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "base/external/std/library/Cargo.toml"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def _project(specs: list[pathlib.Path], library: pathlib.Path) -> dict[str, Any]:
    return rust_project.project(specs, pathlib.Path("/w"), library, library.parent / "bin/rustc")


def test_crates_refer_to_each_other(tmp_path: pathlib.Path, library: pathlib.Path) -> None:
    specs = [
        _spec(tmp_path, "b", "agent", "agents/a/lib.rs", ["ID-external/libc/lib.rs"]),
        _spec(tmp_path, "a", "libc", "external/libc/lib.rs", []),
    ]
    project = _project(specs, library)
    agent, libc = project["crates"]
    assert agent["root_module"] == "/w/agents/a/lib.rs"
    assert agent["deps"] == [{"crate": 1, "name": "libc"}]
    assert agent["is_workspace_member"]
    assert libc["root_module"] == f"{tmp_path}/base/external/libc/lib.rs"
    assert not libc["is_workspace_member"]
    assert project["sysroot_src"] == str(library.parent)


def test_library_and_its_test_are_one_crate(tmp_path: pathlib.Path, library: pathlib.Path) -> None:
    specs = [
        _spec(tmp_path, "a", "agent", "a.rs", []),
        _spec(tmp_path, "b", "agent_test", "a.rs", ["ID-c.rs"], cfg=["test", 'feature="x"']),
        _spec(tmp_path, "c", "c", "c.rs", []),
    ]
    agent, _ = _project(specs, library)["crates"]
    assert agent["display_name"] == "agent"
    assert agent["deps"] == [{"crate": 1, "name": "c"}]
    assert agent["cfg"] == ["test", 'feature="x"']


def test_alias_names_the_dependency(tmp_path: pathlib.Path, library: pathlib.Path) -> None:
    specs = [
        _spec(tmp_path, "a", "a", "a.rs", ["ID-b.rs"], aliases={"ID-b.rs": "other"}),
        _spec(tmp_path, "b", "b", "b.rs", []),
    ]
    assert _project(specs, library)["crates"][0]["deps"] == [{"crate": 1, "name": "other"}]


def test_missing_crate_is_named(tmp_path: pathlib.Path, library: pathlib.Path) -> None:
    with pytest.raises(rust_project.ProjectError, match="^a: depends on ID-b.rs"):
        _project([_spec(tmp_path, "a", "a", "a.rs", ["ID-b.rs"])], library)


def test_file_outside_of_repositories_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(rust_project.ProjectError, match="is not in a repository"):
        rust_project.external_directory(tmp_path / "x")
