"""Test the archive of a module, with real Git work trees."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

from tools.release import archive

_MODULE = '"""A module."""\n\nmodule(name = "some_module")\n\nbazel_dep(name = "platforms", version = "0.0.10")\n'


def _git(directory: pathlib.Path, *arguments: str, umask: int = 0o022) -> None:
    who = {f"GIT_{role}_{part}": "x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"}
    environment = {**os.environ, **who, **dates, "HOME": str(directory)}
    subprocess.run(["git", "-C", str(directory), *arguments], check=True, env=environment, umask=umask)


@pytest.fixture
def workspace(tmp_path: pathlib.Path) -> pathlib.Path:
    """Make a work tree with one commit."""
    directory = tmp_path / "workspace"
    (directory / "bin").mkdir(parents=True)
    (directory / "MODULE.bazel").write_text(_MODULE)
    (directory / "bin/run").write_text("#!/bin/sh\n")
    (directory / "bin/run").chmod(0o755)
    (directory / "link").symlink_to("bin/run")
    _git(directory, "init", "-q", "-b", "main")
    _git(directory, "add", ".")
    _git(directory, "commit", "-q", "-m", "first")
    return directory


def test_registry_files_describe_the_archive(workspace: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    packed = archive.release(workspace, "1.2.0", "https://example.com/v1.2.0/", out)
    entry = out / "modules/some_module/1.2.0"
    digest = hashlib.sha256(packed.read_bytes()).digest()
    assert json.loads((entry / "source.json").read_text()) == {
        "integrity": f"sha256-{base64.b64encode(digest).decode()}",
        "strip_prefix": "some_module-1.2.0",
        "url": "https://example.com/v1.2.0/some_module-1.2.0.tar.gz",
    }
    declared = (entry / "MODULE.bazel").read_text()
    assert 'module(name = "some_module", version = "1.2.0")\n' in declared
    with tarfile.open(packed) as tar:
        modes = {member.name: member.mode for member in tar if member.isreg()}
        assert modes == {"some_module-1.2.0/MODULE.bazel": 0o644, "some_module-1.2.0/bin/run": 0o755}
        assert tar.getmember("some_module-1.2.0/link").linkname == "bin/run"
        module = tar.extractfile("some_module-1.2.0/MODULE.bazel")
        assert module and module.read().decode() == declared


def test_archive_of_a_clone_has_the_same_bytes(workspace: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _git(tmp_path, "clone", "-q", str(workspace), "clone", umask=0o077)
    archives = [
        archive.release(directory, "1.0.0", "https://example.com", tmp_path / f"out-{directory.name}")
        for directory in (workspace, tmp_path / "clone")
    ]
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_changed_work_tree_is_refused(workspace: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (workspace / "new").write_text("")
    with pytest.raises(archive.ReleaseError, match="1 files differ from the commit, new among them"):
        archive.release(workspace, "1.2.0", "https://example.com", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["", "v1.2.0", "1..2", "1.2.0/..", "1.2\n", "1.2.0+build"])
def test_malformed_version_is_refused(workspace: pathlib.Path, tmp_path: pathlib.Path, version: str) -> None:
    with pytest.raises(archive.ReleaseError, match="not a version of a Bazel module"):
        archive.release(workspace, version, "https://example.com", tmp_path / "out")


def test_module_with_a_version_is_refused(workspace: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (workspace / "MODULE.bazel").write_text('module(name = "some_module", version = "1")\n')
    _git(workspace, "commit", "-q", "-a", "-m", "second")
    with pytest.raises(archive.ReleaseError, match="has no line"):
        archive.release(workspace, "1.2.0", "https://example.com", tmp_path / "out")


def test_directory_without_git_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(archive.ReleaseError, match="git status failed"):
        archive.release(tmp_path, "1.2.0", "https://example.com", tmp_path / "out")
