"""Test that programs have the same bytes in a dependent module, with either separator in repository names."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.nested import nested


@pytest.mark.parametrize("plus", [False, True])
def test_programs_have_same_bytes_in_dependent_module(tmp_path: pathlib.Path, plus: bool) -> None:
    bazel = nested.Nested(tmp_path, module="examples", downloads=nested.seed_downloads(tmp_path))
    built = {path.name: path.read_bytes() for path in map(pathlib.Path, os.environ["PROGRAMS"].split())}
    flag = f"--incompatible_use_plus_in_repo_names={str(plus).lower()}"
    try:
        labels = [f"@sandbox_images//images:{name}" for name in ("guest_agent_x86_64", "tiny_init_x86_64")]
        bazel.run("build", flag, *labels)
        listed = bazel.run("cquery", flag, "--output=files", " + ".join(labels)).stdout.split()
        base = pathlib.Path(bazel.run("info", flag, "execution_root").stdout.strip())
        assert {path.rsplit("/", 1)[-1]: (base / path).read_bytes() for path in listed} == built
    finally:
        bazel.close()
