"""Test the repository rules of Debian packages in a real Bazel, against an archive of the test."""

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
    """A module that depends on this one, and the archive of its packages.

    Attributes:
        module: the module.
        address: address of the server.
        files: content of the server, by path.
        deb: the package.
    """

    module: other_module.Module
    address: str
    files: dict[str, bytes | None]
    deb: bytes

    @property
    def lock_file(self) -> pathlib.Path:
        """Return the path of the lock file."""
        return self.module.directory / "demo.lock.json"

    def lock(self, *, request: dict[str, object] | None = None) -> None:
        """Write the lock file."""
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
        """Let Bazel make the repository."""
        return self.module.query("@demo_x86_64//:all")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Yield one workspace for all tests: each workspace starts a Bazel server."""
    files: dict[str, bytes | None] = {}
    with other_module.serve(files) as address:
        environment = {"DEBIAN_MIRROR": f"{address}/debian/", "DEBIAN_SNAPSHOT": f"{address}/archive"}
        module = other_module.Module(tmp_path_factory.mktemp("workspace"), environment)
        module.declare(_TAG)
        yield Workspace(module, address, files, b"")
        module.close()


@pytest.fixture()
def workspace(shared: Workspace, tmp_path: pathlib.Path) -> Workspace:
    # Each test has other bytes, because Bazel caches downloads by digest.
    shared.deb = f"!<arch>\n{tmp_path.name}".encode().ljust(_SIZE)
    shared.files.clear()
    shared.files[f"/debian/{_PATH}"] = shared.deb
    shared.lock()
    return shared


def test_fetch_succeeds_from_archive(workspace: Workspace) -> None:
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr


@pytest.mark.parametrize("body", [None, b"x" * _SIZE], ids=["truncated", "changed"])
def test_spoiled_package_comes_from_snapshot_service(workspace: Workspace, body: bytes | None) -> None:
    workspace.files |= {f"/debian/{_PATH}": body, _SNAPSHOT: workspace.deb}
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr


def test_dropped_package_comes_from_snapshot_service(workspace: Workspace) -> None:
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
def test_other_bytes_than_locked_are_rejected(workspace: Workspace, body: bytes | None, reason: str) -> None:
    workspace.files |= {f"/debian/{_PATH}": body, _SNAPSHOT: body}
    done = workspace.fetch()
    assert "Cannot download Debian package demo 1.0+x~1 (amd64), which the lock pins" in other_module.error(done)
    assert re.search(reason, done.stderr), done.stderr


def test_vanished_package_error_names_package_addresses_and_command(workspace: Workspace) -> None:
    del workspace.files[f"/debian/{_PATH}"]
    workspace.files[_SNAPSHOT] = b"other"
    done = workspace.fetch()
    message = other_module.error(done)
    assert "Debian package demo 1.0+x~1 (amd64)" in message
    assert "'GET returned 404'" in message
    # The lock belongs to the other module, not to this workspace.
    assert "bazel run @sandbox_images//:lock -- --only=demo" in message
    for path, answer in ((f"/debian/{_PATH}", "GET returned 404 Not Found"), (_SNAPSHOT, "Checksum was")):
        url = workspace.address + path.replace("+", "%2B").replace("~", "%7E")
        assert url in message
        assert re.search(rf"Download from {re.escape(url)} failed: .*{answer}", done.stderr), done.stderr


def test_vanished_package_of_this_module_names_no_lock_command(workspace: Workspace) -> None:
    message = other_module.error(workspace.module.query("@@sandbox_images~~debian~keyring_x86_64//:all"))
    assert "Debian package debian-archive-keyring" in message
    assert "the lock is that of the module sandbox_images: take a newer version of this module" in message
    assert "//:lock" not in message


@pytest.fixture()
def vendored(workspace: Workspace, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """The package in a vendor directory, whose path needs quoting in an address. The archive has lost it."""
    directory = tmp_path / "a b%20c"
    file = directory / f"content_addressable/sha256/{other_module.sha256(workspace.deb)}/file"
    file.parent.mkdir(parents=True)
    file.write_bytes(workspace.deb)
    workspace.files.clear()
    workspace.module.environment["BAZELW_VENDOR"] = str(directory)
    yield file
    del workspace.module.environment["BAZELW_VENDOR"]


def test_vendored_package_becomes_a_repository(workspace: Workspace, vendored: pathlib.Path) -> None:
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr


def test_package_that_the_vendor_directory_lacks_is_named(workspace: Workspace, vendored: pathlib.Path) -> None:
    # The network is not asked for missing files.
    workspace.files[f"/debian/{_PATH}"] = workspace.deb
    vendored.unlink()
    message = other_module.error(workspace.fetch())
    assert message.startswith(
        f"BAZELW_VENDOR={vendored.parents[3]}: has no Debian package demo 1.0+x~1 (amd64) (sha256 "
    )
    assert "./bazelw run //:vendor -- --out=DIR" in message


def test_vendored_package_with_other_bytes_is_refused(workspace: Workspace, vendored: pathlib.Path) -> None:
    vendored.write_bytes(b"x" * _SIZE)
    done = workspace.fetch()
    assert f"{vendored} is not the pinned Debian package demo 1.0+x~1 (amd64)" in other_module.error(done)
    assert "Checksum was" in done.stderr


def test_relative_vendor_directory_is_refused(workspace: Workspace, vendored: pathlib.Path) -> None:
    workspace.module.environment["BAZELW_VENDOR"] = "vendored"
    assert other_module.error(workspace.fetch()).startswith("BAZELW_VENDOR=vendored: is not an absolute path")


def test_lock_of_other_request_is_rejected(workspace: Workspace) -> None:
    workspace.lock(request={**_REQUEST, "packages": ["other"]})
    message = other_module.error(workspace.fetch())
    assert "answers another request" in message
    assert "bazel run @sandbox_images//:lock -- --only=demo" in message


def test_missing_lock_is_rejected(workspace: Workspace) -> None:
    workspace.lock_file.unlink()
    assert "have no lock file" in other_module.error(workspace.fetch())
