"""When and with which content the lock tool writes lock files."""

from __future__ import annotations

import json
import pathlib

from tools.debian import apt_root, lockfile

_REQUEST = lockfile.Request(
    name="demo",
    suite="trixie",
    architectures=("x86_64",),
    packages=("b", "a"),
    closure=True,
    exclude=(),
    lock="locks/demo.lock.json",
)


def _package(name: str) -> apt_root.Package:
    return apt_root.Package(name, "1", "amd64", "debian", f"pool/{name}.deb", 1, "0" * 64)


def _text(date: str, *names: str) -> str:
    return lockfile.render(_REQUEST, {"x86_64": [_package(name) for name in names]}, {"trixie": date})


def test_lock_is_independent_of_the_order_of_resolution() -> None:
    assert _text("today", "a", "b") == _text("today", "b", "a")


def test_lock_contains_the_sorted_request() -> None:
    request = json.loads(_text("today"))["request"]
    assert request == {
        "architectures": ["x86_64"],
        "closure": True,
        "exclude": [],
        "packages": ["a", "b"],
        "suite": "trixie",
    }


def test_new_date_alone_keeps_the_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "locks" / "demo.lock.json"
    assert lockfile.write(path, _text("yesterday", "a"))
    assert not lockfile.write(path, _text("today", "a"))
    assert "yesterday" in path.read_text()


def test_new_package_replaces_the_file_and_leaves_no_other(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "demo.lock.json"
    lockfile.write(path, _text("yesterday", "a"))
    assert lockfile.write(path, _text("today", "a", "b"))
    assert "today" in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["demo.lock.json"]


def test_malformed_file_is_replaced(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "demo.lock.json"
    path.write_text("<<<<<<< ours")
    assert lockfile.write(path, _text("today", "a"))
    json.loads(path.read_text())


def test_requests_of_the_extension_are_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "requests.json"
    value = json.loads(_text("today"))["request"] | {"lock": "locks/demo.lock.json"}
    path.write_text(json.dumps({"demo": value}))
    assert lockfile.read_requests(path)["demo"].packages == ("a", "b")
