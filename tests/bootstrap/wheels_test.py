"""Test Python packages of another module in a real Bazel, from an index in a directory of the test."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bootstrap import other_module
from tests.nested import nested
from tools.pip import index_testing

_TAG = """\
pip = use_extension("@sandbox_images//tools/pip:extensions.bzl", "pip")
pip.packages(
    name = "demo_pip",
    architectures = ["x86_64"],
    glibc = "2.28",
    lock = "//:requirements.lock.json",
    python = "3.13",
    requirements = "//:requirements.txt",
)
use_repo(pip, "demo_pip")
"""

_FILE = "demo-1.0+x-py3-none-any.whl"
_WHEEL = index_testing.wheel(
    "", {"demo/__init__.py": "", "demo-1.0.data/purelib/more.py": "", "demo-1.0.data/scripts/run": ""}
)


class Workspace:
    """A module with one package, and the index in the configuration of its pip."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.index = index_testing.Index(directory / "index")
        # The interpreter that compiles the modules.
        downloads = nested.seed_downloads(directory, "tools/debian/locks/python.lock.json")
        self.module = other_module.Module(directory, {"PIP_CONFIG_FILE": str(directory / "pip.conf")}, downloads)
        (directory / "pip.conf").write_text(f"[global]\nindex-url = {self.index.address}/\n")
        self.module.declare(_TAG)

    def reset(self) -> None:
        """Put the wheel into the index, pin it and lock it."""
        (self.module.directory / "index/demo/index.html").unlink(missing_ok=True)
        digest = self.index.add("demo", _FILE, _WHEEL, digest=False)
        self.pin(digest)
        self.lock(digest)

    def pin(self, digest: str) -> None:
        """Write requirements.txt."""
        (self.module.directory / "requirements.txt").write_text(f"demo==1.0 \\\n    --hash=sha256:{digest}\n")

    def lock(self, digest: str) -> None:
        """Write the lock."""
        wheel: dict[str, Any] = {"file": _FILE, "name": "demo", "requires": [], "sha256": digest, "version": "1.0"}
        document: dict[str, Any] = {
            "request": {"architectures": ["x86_64"], "glibc": "2.28", "python": "3.13"},
            "version": 1,
            "wheels": {"x86_64": [wheel]},
        }
        (self.module.directory / "requirements.lock.json").write_text(json.dumps(document))

    def fetch(self) -> subprocess.CompletedProcess[str]:
        """Let Bazel make the repository of the wheel."""
        return self.module.query("deps(@demo_pip//demo:pkg) + deps(@demo_pip//demo:whl)")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(tmp_path_factory.mktemp("module"))
    yield made
    made.module.close()


@pytest.fixture()
def workspace(shared: Workspace) -> Workspace:
    shared.reset()
    return shared


def test_other_wheel_than_pinned_is_rejected(workspace: Workspace) -> None:
    workspace.pin("0" * 64)
    workspace.lock("0" * 64)
    done = workspace.fetch()
    message = other_module.error(done)
    assert f"cannot download {_FILE}, which the lock pins: {workspace.index.address}/demo did not give" in message
    assert "Checksum was" in done.stderr


def test_index_without_the_wheel_is_named(workspace: Workspace) -> None:
    (workspace.module.directory / "index/demo/index.html").write_text("<a href='demo-2.0-py3-none-any.whl'>x</a>")
    message = other_module.error(workspace.fetch())
    assert f"{workspace.index.address}/demo/index.html does not list it" in message


def test_lock_of_other_pins_names_the_command(workspace: Workspace) -> None:
    workspace.pin("0" * 64)
    message = other_module.error(workspace.fetch())
    assert f"the lock of the Python packages 'demo_pip' has {_FILE}, which requirements.txt does not pin" in message
    assert "bazel run @sandbox_images//:lock -- --only=demo_pip" in message


def test_wheel_that_the_vendor_directory_lacks_is_named(workspace: Workspace, tmp_path: pathlib.Path) -> None:
    workspace.module.environment["BAZELW_VENDOR"] = str(tmp_path)
    message = other_module.error(workspace.fetch())
    del workspace.module.environment["BAZELW_VENDOR"]
    assert message.startswith(f"BAZELW_VENDOR={tmp_path}: has no wheel {_FILE} (sha256 ")


# The last test: Bazel makes no repository twice.
def test_wheel_of_configured_index_becomes_library(workspace: Workspace) -> None:
    done = workspace.fetch()
    for file in ("site-packages/demo/__init__.py", "site-packages/more.py", _FILE):
        assert f"//:{file}\n" in done.stdout, done.stderr
