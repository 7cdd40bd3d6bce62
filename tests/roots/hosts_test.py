"""Build hosts of every architecture have the tools for the images of every architecture, without a flag."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.nested import nested
from tools.platforms.architectures import ARCHITECTURES


@pytest.fixture(scope="module")
def bazel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nested.Nested]:
    directory: pathlib.Path = tmp_path_factory.mktemp("hosts")
    bazel = nested.Nested(directory, downloads=nested.seed_downloads(directory))
    yield bazel
    bazel.close()


@pytest.mark.parametrize("host", ARCHITECTURES)
def test_host_has_tools_for_every_image(bazel: nested.Nested, host: str) -> None:
    # This machine cannot run the programs of all hosts, but the analysis chooses them.
    found = bazel.run(
        "cquery",
        f"--host_platform=//tests/roots:host_{host}",
        "--output=starlark",
        "--starlark:expr=str(target.label)",
        "filter('(python|rust|llvm|cargo)_(aarch64|x86_64)', deps(//images:dist))",
    )
    repositories = {line.partition("//")[0].rpartition("~")[2] for line in found.stdout.splitlines()}
    wanted = {f"{tool}_{host}" for tool in ("llvm", "python", "rust")}
    others = {f"{tool}_{other}" for tool in ("llvm", "python", "rust") for other in ARCHITECTURES if other != host}
    assert wanted <= repositories
    assert not others & repositories
