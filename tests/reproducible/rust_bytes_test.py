"""Programs have the same bytes whatever the labels and repositories of what they are built of are called."""

from __future__ import annotations

import os
import pathlib

import pytest


def test_library_of_another_label_gives_the_same_program() -> None:
    first, second = (pathlib.Path(path).read_bytes() for path in os.environ["TWINS"].split())
    assert first == second


@pytest.mark.parametrize("program", os.environ["PROGRAMS"].split())
def test_program_of_images_names_no_repository(program: str) -> None:
    content = pathlib.Path(program).read_bytes()
    # With bzlmod, the names of repositories are others in each module that depends on this one.
    assert b"external/" not in content
