"""Tests of what the language server of Starlark is told of Bazel."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from tools.ide import starlark


@pytest.fixture()
def workspace(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "work space"
    folder.mkdir()
    (folder / "bazelw").write_text('#!/bin/sh\necho "asked: $*"\n')
    (folder / "bazelw").chmod(0o755)
    return folder


def test_repositories_are_linked_by_their_names(tmp_path: pathlib.Path, workspace: pathlib.Path) -> None:
    (tmp_path / "external/rules~").mkdir(parents=True)
    (tmp_path / "external/rules~/defs.bzl").touch()
    mapping = {"": "", "images": "", "rules": "rules~"}
    made = starlark.link_repositories(tmp_path, mapping, workspace)
    assert (made / "external/rules/defs.bzl").exists()
    assert (made / "external/images/bazelw").exists()
    # Another version later.
    (tmp_path / "external/rules~2").mkdir()
    starlark.link_repositories(tmp_path, {"rules": "rules~2"}, workspace)
    assert (made / "external/rules").resolve() == tmp_path / "external/rules~2"


def test_files_of_another_usr_are_found(tmp_path: pathlib.Path) -> None:
    usr = tmp_path / "cache/tree/usr"
    (usr / "share/rules").mkdir(parents=True)
    rest = "rw - ext4 /dev/x rw"
    # The device is mounted on the test's folder; a folder of it is seen as /usr.
    mounts = f"1 0 8:1 / {tmp_path} {rest}\n2 1 8:1 /cache/tree/usr /usr {rest}\n3 1 0:5 / /proc {rest}\n"
    assert starlark.seen_outside(pathlib.Path("/usr/share/rules"), mounts) == usr / "share/rules"
    assert starlark.seen_outside(pathlib.Path("/usr/share/none"), mounts) == pathlib.Path("/usr/share/none")
    assert starlark.seen_outside(tmp_path, mounts) == tmp_path


def test_bazel_answers_for_the_workspace(tmp_path: pathlib.Path, workspace: pathlib.Path) -> None:
    program = tmp_path / "bazel"
    starlark.write_bazel(program, workspace, tmp_path / "editors")
    said = subprocess.check_output([program, "info"], text=True)
    assert said == f"execution_root: {tmp_path}/editors/execroot/_main\noutput_base: {tmp_path}/editors\n"
    assert subprocess.check_output([program, "query", "//a b:*"], text=True) == "asked: query //a b:*\n"


def test_the_program_does_not_find_itself(tmp_path: pathlib.Path, workspace: pathlib.Path) -> None:
    (workspace / "bazelw").write_text('#!/bin/sh\necho "$PATH"\n')
    program = tmp_path / "bazel"
    starlark.write_bazel(program, workspace, tmp_path)
    path = os.environ["PATH"]
    said = subprocess.check_output([program, "query"], text=True, env={**os.environ, "PATH": f"{tmp_path}:{path}"})
    assert said == f"{path}\n"


def test_names_are_read_of_the_folder(tmp_path: pathlib.Path) -> None:
    canonical = ["platforms", "rules~", "other~1.0", "_main~debian~rust_x86_64", "rules~~pip~pip_absl", "new+"]
    for name in canonical:
        (tmp_path / name).mkdir()
    (tmp_path / "@rules~.marker").touch()
    names = ["platforms", "rules", "other", "rust_x86_64", "pip_absl", "new"]
    assert starlark.repository_mapping(tmp_path) == {"sandbox_images": "", **dict(zip(names, canonical, strict=True))}
