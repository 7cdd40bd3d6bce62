"""Test that programs do not depend on the names of labels and repositories of their inputs."""

from __future__ import annotations

import os
import pathlib

import pytest


def test_label_of_library_does_not_change_program() -> None:
    first, second = (pathlib.Path(path).read_bytes() for path in os.environ["TWINS"].split())
    assert first == second


@pytest.mark.parametrize("program", os.environ["PROGRAMS"].split())
def test_program_of_images_names_no_repository(program: str) -> None:
    content = pathlib.Path(program).read_bytes()
    # With bzlmod, each dependent module has other names of repositories.
    assert b"external/" not in content
