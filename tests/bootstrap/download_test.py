"""Repository rules of Debian packages, in a real Bazel, against an archive that the test serves."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.bootstrap import other_module

_SIZE = 1000
_PATH = "pool/main/d/demo/demo_1.0+x~1_amd64.deb"
# A day after the lock's date.
_SNAPSHOT = f"/archive/debian/20260901T120000Z/{_PATH}"
_REQUEST = {
    "architectures": ["x86_64"],
    "closure": True,
    "packages": ["demo"],
    "suite": "trixie",
    "exclude": [],
}

_TAG = """\
debian = use_extension("@sandbox_images//tools/debian:extensions.bzl", "debian")
debian.archives(
    name = "demo",
    architectures = ["x86_64"],
    lock = "//:demo.lock.json",
    packages = ["demo"],
)
use_repo(debian, "demo_x86_64")
"""


@dataclasses.dataclass
class Workspace:
    """A module that depends on this one, and the archive it downloads from.

    Attributes:
        module: the module.
        address: of the server.
        files: what the server has, by path.
        deb: the package.
    """

    module: other_module.Module
    address: str
    files: dict[str, bytes | None]
    deb: bytes

    @property
    def lock_file(self) -> pathlib.Path:
        """The lock of its packages."""
        return self.module.folder / "demo.lock.json"

    def lock(self, *, request: dict[str, object] | None = None) -> None:
        """Writes the lock file."""
        package = {
            "name": "demo",
            "version": "1.0+x~1",
            "architecture": "amd64",
            "archive": "debian",
            "path": _PATH,
            "size": len(self.deb),
            "sha256": other_module.sha256(self.deb),
        }
        document = {
            "version": 1,
            "request": request or _REQUEST,
            "releases": {"trixie": "Mon, 31 Aug 2026 12:00:00 UTC"},
            "packages": {"x86_64": [package]},
        }
        self.lock_file.write_text(json.dumps(document))

    def fetch(self) -> subprocess.CompletedProcess[str]:
        """Has Bazel make the repository."""
        return self.module.query("@demo_x86_64//:all")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One workspace for all tests: each of its own would start a Bazel server."""
    files: dict[str, bytes | None] = {}
    with other_module.serve(files) as address:
        environment = {"DEBIAN_MIRROR": f"{address}/debian/", "DEBIAN_SNAPSHOT": f"{address}/archive"}
        module = other_module.Module(tmp_path_factory.mktemp("workspace"), environment)
        module.declare(_TAG)
        yield Workspace(module, address, files, b"")
        module.close()


@pytest.fixture()
def workspace(shared: Workspace, tmp_path: pathlib.Path) -> Workspace:
    # Other bytes in each test: Bazel keeps what it has downloaded, by digest.
    shared.deb = f"!<arch>\n{tmp_path.name}".encode().ljust(_SIZE)
    shared.files.clear()
    shared.files[f"/debian/{_PATH}"] = shared.deb
    shared.lock()
    return shared


def test_whole_download_becomes_a_repository(workspace: Workspace) -> None:
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr


@pytest.mark.parametrize("body", [None, b"x" * _SIZE], ids=["truncated", "changed"])
def test_package_that_the_archive_spoils_comes_from_the_snapshot_service(
    workspace: Workspace, body: bytes | None
) -> None:
    workspace.files |= {f"/debian/{_PATH}": body, _SNAPSHOT: workspace.deb}
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr


def test_package_that_the_archive_has_dropped_comes_from_the_snapshot_service(workspace: Workspace) -> None:
    workspace.files[_SNAPSHOT] = workspace.files.pop(f"/debian/{_PATH}")
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr
    assert "GET returned 404 Not Found" in done.stderr


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"x" * _SIZE, "Checksum was"),
        (None, "Checksum was|Bytes read 100"),
    ],
    ids=["changed", "truncated"],
)
def test_other_bytes_than_the_locks_are_refused(workspace: Workspace, body: bytes | None, reason: str) -> None:
    workspace.files |= {f"/debian/{_PATH}": body, _SNAPSHOT: body}
    done = workspace.fetch()
    assert "Cannot download Debian package demo 1.0+x~1 (amd64), which the lock pins" in other_module.error(done)
    assert re.search(reason, done.stderr), done.stderr


def test_vanished_package_names_itself_and_the_addresses_and_the_command(workspace: Workspace) -> None:
    del workspace.files[f"/debian/{_PATH}"]
    workspace.files[_SNAPSHOT] = b"other"
    done = workspace.fetch()
    message = other_module.error(done)
    assert "Debian package demo 1.0+x~1 (amd64)" in message
    assert "'GET returned 404'" in message
    # Not this workspace's own: the lock is the other module's.
    assert "bazel run @sandbox_images//:lock -- --only=demo" in message
    for path, answer in ((f"/debian/{_PATH}", "GET returned 404 Not Found"), (_SNAPSHOT, "Checksum was")):
        url = workspace.address + path.replace("+", "%2B").replace("~", "%7E")
        assert url in message
        assert re.search(rf"Download from {re.escape(url)} failed: .*{answer}", done.stderr), done.stderr


def test_vanished_package_of_this_module_is_not_the_other_ones_to_lock(workspace: Workspace) -> None:
    message = other_module.error(workspace.module.query("@@sandbox_images~~debian~keyring_x86_64//:all"))
    assert "Debian package debian-archive-keyring" in message
    assert "the lock is that of the module sandbox_images: take a newer version of this module" in message
    assert "//:lock" not in message


def test_lock_of_another_request_is_refused(workspace: Workspace) -> None:
    workspace.lock(request={**_REQUEST, "packages": ["other"]})
    message = other_module.error(workspace.fetch())
    assert "answers another request" in message
    assert "bazel run @sandbox_images//:lock -- --only=demo" in message


def test_missing_lock_is_refused(workspace: Workspace) -> None:
    workspace.lock_file.unlink()
    assert "have no lock file" in other_module.error(workspace.fetch())
