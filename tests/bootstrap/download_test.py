"""Repository rules of Debian packages, in a real Bazel, against an archive that the test serves."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator

import pytest

_DEB = b"!<arch>\n" + bytes(1000)
_PATH = "pool/main/d/demo/demo_1.0+x~1_amd64.deb"
_REQUEST = {
    "architectures": ["x86_64"],
    "closure": True,
    "packages": ["demo"],
    "suite": "trixie",
    "without": [],
}

_MODULE = """\
module(name = "demo")
bazel_dep(name = "sandbox_images")
local_path_override(module_name = "sandbox_images", path = "{workspace}")
debian = use_extension("@sandbox_images//tools/debian:extensions.bzl", "debian")
debian.archives(
    name = "demo",
    architectures = ["x86_64"],
    lock = "//:demo.lock.json",
    packages = {packages},
)
use_repo(debian, "demo_x86_64")
"""


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves what the test put into `files`, by path; a value of None drops the connection half-way."""

    files: dict[str, bytes | None]

    def do_GET(self) -> None:
        path = self.path.replace("%2B", "+").replace("%7E", "~")
        if path not in self.files:
            self.send_error(404)
            return
        body = self.files[path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(_DEB)))
        self.end_headers()
        self.wfile.write(_DEB[:100] if body is None else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclasses.dataclass
class Workspace:
    """A module that depends on this one, and the archive it downloads from."""

    folder: pathlib.Path
    files: dict[str, bytes | None]
    environment: dict[str, str]

    def lock(self, *, request: dict[str, object] | None = None, sha256: str | None = None) -> None:
        """Writes the lock file."""
        package = {
            "name": "demo",
            "version": "1.0+x~1",
            "architecture": "amd64",
            "archive": "debian",
            "path": _PATH,
            "size": len(_DEB),
            "sha256": sha256 or hashlib.sha256(_DEB).hexdigest(),
        }
        document = {"version": 1, "request": request or _REQUEST, "packages": {"x86_64": [package]}}
        (self.folder / "demo.lock.json").write_text(json.dumps(document))

    def fetch(self) -> subprocess.CompletedProcess[str]:
        """Has Bazel make the repository."""
        command = ["bazel", f"--output_user_root={self.folder}/root", "--max_idle_secs=15"]
        return subprocess.run(
            [*command, "query", "--lockfile_mode=off", "@demo_x86_64//:all"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture()
def workspace(tmp_path: pathlib.Path) -> Iterator[Workspace]:
    assert shutil.which("bazel"), "no bazel on the PATH: run the tests with ./bazelw (see README.md)"
    root = pathlib.Path("MODULE.bazel").resolve().parent
    (tmp_path / "MODULE.bazel").write_text(_MODULE.format(workspace=root, packages=["demo"]).replace("'", '"'))
    (tmp_path / "BUILD.bazel").touch()
    handler = type("Handler", (_Handler,), {"files": {f"/debian/{_PATH}": _DEB}})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "DEBIAN_MIRROR": f"http://127.0.0.1:{server.server_port}/debian/",
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    made = Workspace(tmp_path, handler.files, environment)
    made.lock()
    yield made
    subprocess.run(["bazel", f"--output_user_root={tmp_path}/root", "shutdown"], cwd=tmp_path, env=environment)
    server.shutdown()


def _error(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    lines = re.findall(r"Error in fail: (.*)", done.stderr)
    assert lines, done.stderr
    return lines[0]


def test_whole_download_becomes_a_repository(workspace: Workspace) -> None:
    done = workspace.fetch()
    assert "@demo_x86_64//:packages" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"x" * len(_DEB), "Checksum was"),
        (_DEB[:-1] + b"x", "Checksum was"),
        (None, "Checksum was|Bytes read 100"),
    ],
    ids=["other", "changed", "truncated"],
)
def test_other_bytes_than_the_locks_are_refused(workspace: Workspace, body: bytes | None, reason: str) -> None:
    workspace.files[f"/debian/{_PATH}"] = body
    done = workspace.fetch()
    assert "Debian package demo 1.0+x~1 (amd64) is not to be had as the lock pins it" in _error(done)
    assert re.search(reason, done.stderr), done.stderr


def test_vanished_package_names_itself_and_the_command(workspace: Workspace) -> None:
    del workspace.files[f"/debian/{_PATH}"]
    done = workspace.fetch()
    message = _error(done)
    assert "Debian package demo 1.0+x~1 (amd64)" in message
    assert "'GET returned 404'" in message
    assert "./bazelw run //tools/debian:lock" in message
    assert "GET returned 404 Not Found" in done.stderr


def test_lock_of_another_request_is_refused(workspace: Workspace) -> None:
    workspace.lock(request={**_REQUEST, "packages": ["other"]})
    message = _error(workspace.fetch())
    assert "answers another request" in message
    assert "--only=demo" in message


def test_missing_lock_is_refused(workspace: Workspace) -> None:
    (workspace.folder / "demo.lock.json").unlink()
    assert "have no lock file" in _error(workspace.fetch())
