"""Requests of Debian packages in a file of another module, and what that module gets of this one's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bootstrap import other_module

_TAG = """\
debian = use_extension("@sandbox_images//tools/debian:extensions.bzl", "debian")
debian.requests(file = "//packages:debian.json")
use_repo(debian, "debian_requests", "more_x86_64")
"""

_REQUESTS: dict[str, Any] = {
    "base": {"comment": "for readers", "packages": ["one"], "exclude": {"four": "nobody reads it"}},
    "more": {"extends": "base", "packages": {"two": "for a reason"}, "suite": "bookworm"},
}

_MORE = {
    "architectures": ["aarch64", "x86_64"],
    "closure": True,
    "packages": ["one", "two"],
    "suite": "bookworm",
    "exclude": ["four"],
}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[other_module.Module]:
    folder = tmp_path_factory.mktemp("module")
    # No package is downloaded.
    made = other_module.Module(folder, {"DEBIAN_MIRROR": "http://localhost:1/debian"})
    made.declare(_TAG)
    (folder / "packages").mkdir()
    (folder / "packages/BUILD.bazel").touch()
    yield made
    made.close()


def _write(module: other_module.Module, requests: dict[str, Any]) -> None:
    (module.folder / "packages/debian.json").write_text(json.dumps(requests))


def test_lock_of_a_request_lies_beside_its_file(module: other_module.Module) -> None:
    _write(module, _REQUESTS)
    lock: dict[str, Any] = {"version": 1, "request": _MORE, "packages": {"aarch64": [], "x86_64": []}}
    (module.folder / "packages/more.lock.json").write_text(json.dumps(lock))
    done = module.query("@more_x86_64//:all")
    # What the request is, the lock says: another one would be refused.
    assert done.stdout == "@more_x86_64//:packages\n", done.stderr
    module.query("@debian_requests//:requests.json")
    requests = next(module.folder.glob("root/*/external/*debian_requests/requests.json"))
    assert json.loads(requests.read_text())["more"] == _MORE | {"lock": "packages/more.lock.json"}


def test_unknown_attribute_is_named(module: other_module.Module) -> None:
    _write(module, _REQUESTS | {"wrong": {"package": ["one"]}})
    message = other_module.error(module.query("@more_x86_64//:all"))
    assert "request 'wrong' has an unknown attribute 'package', known: architectures, closure" in message


@pytest.mark.parametrize(
    "repository",
    [
        "debian~faketime_x86_64",
        "debian~rust_analyzer_x86_64",
        "go~buildifier",
        "pip~sandbox_images_pip_client",
        "rust_programs~starlark",
    ],
)
def test_what_only_tests_need_is_not_there(module: other_module.Module, repository: str) -> None:
    _write(module, _REQUESTS)
    done = module.query(f"@@sandbox_images~~{repository}//:all")
    assert done.returncode != 0
    assert "is not defined" in done.stderr or "not found" in done.stderr, done.stderr
