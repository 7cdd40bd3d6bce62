"""The lock tool for Python packages, with a local index and without Debian's archive."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tools.cli import cli, cli_testing, errors
from tools.debian import lock_main
from tools.pip import index_testing


class Workspace:
    """A workspace with one package, and the requests that the module extensions write for it."""

    def __init__(self, directory: pathlib.Path) -> None:
        index = index_testing.Index(directory / "index")
        digest = index.add("demo", "demo-1.0-py3-none-any.whl", index_testing.wheel(""))
        request = {
            "architectures": ["x86_64"],
            "glibc": "2.28",
            "lock": "demo/requirements.lock.json",
            "python": "3.13",
            "requirements": "demo/requirements.txt",
        }
        (directory / "python.json").write_text(
            json.dumps({"indexes": [index.address], "requests": {"demo_pip": request}})
        )
        (directory / "debian.json").write_text("{}")
        self._directory = directory
        self.requirements = directory / "demo/requirements.txt"
        self.requirements.parent.mkdir()
        self.requirements.write_text(f"demo==1.0 --hash=sha256:{digest}\n")
        self.lock = directory / "demo/requirements.lock.json"

    def run(self, **values: Any) -> None:
        """Run the lock tool."""
        flags = {
            "keyring": "none",
            "python_requests": f"{self._directory}/python.json",
            "requests": f"{self._directory}/debian.json",
            "workspace": str(self._directory),
        }
        cli_testing.call(lock_main.main, **(flags | values))


@pytest.fixture()
def workspace(tmp_path: pathlib.Path) -> Workspace:
    return Workspace(tmp_path)


def test_lock_is_written_beside_the_requirements(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.run(only="demo_pip")
    assert json.loads(workspace.lock.read_text())["wheels"]["x86_64"][0]["file"] == "demo-1.0-py3-none-any.whl"
    assert "wrote demo/requirements.lock.json" in capsys.readouterr().err
    workspace.run()
    assert "unchanged: demo/requirements.lock.json" in capsys.readouterr().err


def test_pin_without_a_wheel_keeps_the_lock(workspace: Workspace) -> None:
    workspace.run()
    before = workspace.lock.read_bytes()
    workspace.requirements.write_text(f"demo==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(errors.InputError, match="demo for x86_64: version 1.0 has no wheel"):
        workspace.run()
    assert workspace.lock.read_bytes() == before


def test_unknown_name_is_bad_usage(workspace: Workspace) -> None:
    with pytest.raises(cli.UsageError, match="no request is named other: MODULE.bazel has demo_pip"):
        workspace.run(only="other")
