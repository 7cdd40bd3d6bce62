"""Test requests of Debian packages in a file of another module, and which repositories that module gets."""

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
    directory = tmp_path_factory.mktemp("module")
    # The test downloads no package.
    made = other_module.Module(directory, {"DEBIAN_MIRROR": "http://localhost:1/debian"})
    made.declare(_TAG)
    (directory / "packages").mkdir()
    (directory / "packages/BUILD.bazel").touch()
    yield made
    made.close()


def _write(module: other_module.Module, requests: dict[str, Any]) -> None:
    (module.directory / "packages/debian.json").write_text(json.dumps(requests))


def test_lock_of_a_request_lies_beside_its_file(module: other_module.Module) -> None:
    _write(module, _REQUESTS)
    lock: dict[str, Any] = {"version": 1, "request": _MORE, "packages": {"aarch64": [], "x86_64": []}}
    (module.directory / "packages/more.lock.json").write_text(json.dumps(lock))
    done = module.query("@more_x86_64//:all")
    # The lock contains its request: the rule rejects a lock of another request.
    assert done.stdout == "@more_x86_64//:packages\n", done.stderr
    module.query("@debian_requests//:requests.json")
    requests = next(module.directory.glob("root/*/external/*debian_requests/requests.json"))
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
    ],
)
def test_repositories_of_tests_are_absent(module: other_module.Module, repository: str) -> None:
    _write(module, _REQUESTS)
    done = module.query(f"@@sandbox_images~~{repository}//:all")
    assert done.returncode != 0
    assert "is not defined" in done.stderr or "not found" in done.stderr, done.stderr
