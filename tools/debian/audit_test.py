"""The audit, with a small signed archive and apt itself."""

from __future__ import annotations

import json
import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from tools.cli import cli, cli_testing, errors
from tools.debian import archive_testing, audit_main

_REQUEST = {
    "architectures": ["x86_64"],
    "closure": True,
    "lock": "demo.lock.json",
    "packages": ["app"],
    "suite": "trixie",
    "exclude": [],
}


class Workspace:
    """A workspace with one lock, and the archive."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.archive = archive_testing.Archive(directory)
        (directory / "requests.json").write_text(json.dumps({"demo": _REQUEST}))

    def lock(self, **versions: str) -> None:
        """Pin packages by name and version."""
        packages = [
            {
                "architecture": "amd64",
                "archive": "debian",
                "name": name,
                "path": "pool/x.deb",
                "sha256": "0" * 64,
                "size": 1,
                "version": version,
            }
            for name, version in versions.items()
        ]
        (self.directory / "demo.lock.json").write_text(json.dumps({"packages": {"x86_64": packages}}))

    def audit(self, **flags: object) -> None:
        """Run the program."""
        values = {
            "requests": f"{self.directory}/requests.json",
            "keyring": str(self.archive.keyring),
            "workspace": str(self.directory),
            "mirror": f"file:{self.directory}/debian",
            "security_mirror": f"file:{self.directory}/debian-security",
        }
        cli_testing.call(audit_main.main, **(values | flags))


@pytest.fixture()
def workspace() -> Iterator[Workspace]:
    # apt derives a file name from the whole address of an index: the directory's path has to be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Workspace(pathlib.Path(directory))


def test_newest_packages_are_not_listed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.lock(app="1:2.0+x~1", base="3+deb13u1", lib="1.0")
    workspace.audit()
    assert capsys.readouterr().out == ""


def test_older_and_vanished_packages_are_listed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.lock(app="1:1.9", base="3", lib="1.0", vanished="7")
    with pytest.raises(errors.InputError, match=r"3 pinned packages.*--only=demo"):
        workspace.audit()
    assert capsys.readouterr().out.splitlines() == [
        "demo: app 1:1.9 (amd64): 1:2.0+x~1 is in debian",
        "demo: base 3 (amd64): 3+deb13u1 is in debian-security",
        "demo: vanished 7 (amd64): has left the archive",
    ]


def test_security_flag_lists_only_security_updates(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.lock(app="1:1.9", base="3")
    with pytest.raises(errors.InputError, match="1 pinned packages"):
        workspace.audit(security="true")
    assert capsys.readouterr().out == "demo: base 3 (amd64): 3+deb13u1 is in debian-security\n"


def test_newer_pin_than_the_mirror_is_not_listed(workspace: Workspace) -> None:
    """A pinned version may be newer than an outdated mirror's."""
    workspace.lock(app="1:2.0+x", base="3+deb13u10", lib="1.0")
    workspace.audit()


@pytest.mark.parametrize("text", [None, "", "[]", '{"packages": {"x86_64": [{"name": "x"}]}}'])
def test_bad_lock_is_rejected(workspace: Workspace, text: str | None) -> None:
    if text is not None:
        (workspace.directory / "demo.lock.json").write_text(text)
    with pytest.raises(errors.InputError, match=r"demo.lock.json: is .*: ./bazelw run"):
        workspace.audit()


def test_unreadable_archive_is_an_error(workspace: Workspace) -> None:
    workspace.lock(app="1")
    with pytest.raises(errors.InputError, match="E: "):
        workspace.audit(mirror=f"file:{workspace.directory}/nothing")


def test_unknown_request_is_bad_usage(workspace: Workspace) -> None:
    with pytest.raises(cli.UsageError):
        workspace.audit(only="other")
