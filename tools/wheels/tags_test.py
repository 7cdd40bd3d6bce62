"""Test the architecture of wheels with all spellings of tags."""

from __future__ import annotations

import pytest

from tools.wheels import tags

_NO_NAME = "wheel.whl"


@pytest.mark.parametrize(
    ("name", "listed", "architecture"),
    [
        (_NO_NAME, ["py3-none-any", "py2-none-any"], "any"),
        (_NO_NAME, ["py3-none-manylinux_2_17_x86_64", "py3-none-manylinux2014_x86_64"], "x86_64"),
        (_NO_NAME, ["py3-none-linux_x86_64"], "x86_64"),
        (_NO_NAME, ["py2.py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64"], "aarch64"),
        # Of openturns and of nvcomp.
        (_NO_NAME, ["", "-manylinux_2_17_x86_64", "-manylinux2014_x86_64"], "x86_64"),
        (_NO_NAME, ["py3-manylinux_2_28_x86_64"], "x86_64"),
        ("thing-1.0-py3-none-any.whl", [], "any"),
        ("my_thing-1.0-2build-cp313-cp313-manylinux1_x86_64.manylinux_2_5_x86_64.whl", [], "x86_64"),
        ("thing-1.0-py3-none-macosx_11_0_arm64.manylinux_2_17_aarch64.whl", [], "aarch64"),
        ("thing-1.0-py3-none-linux_aarch64.linux_x86_64.whl", [], "any"),
        ("thing-1.0-py3-none-linux_x86_64.whl", ["py3-none-any"], "x86_64"),
        ("thing-1.0-py3-none-any.whl", ["py3-none-linux_x86_64"], "x86_64"),
    ],
)
def test_architecture_follows_tags(name: str, listed: list[str], architecture: str) -> None:
    assert tags.architecture(name, listed) == architecture


@pytest.mark.parametrize(
    ("name", "listed", "message"),
    [
        (_NO_NAME, [], "has no compatibility tag"),
        (_NO_NAME, [""], "has no compatibility tag"),
        (_NO_NAME, ["py3-none-win_amd64"], "is for win_amd64"),
        (_NO_NAME, ["py3-none-macosx_11_0_arm64"], "is for macosx_11_0_arm64"),
        (_NO_NAME, ["py3-none-manylinux_2_17_i686"], "is for manylinux_2_17_i686"),
        (_NO_NAME, ["cp313-cp313-musllinux_1_1_aarch64"], "is for musllinux_1_1_aarch64"),
        ("thing-1.0-py3-none-musllinux_1_2_x86_64.whl", [], "is for musllinux_1_2_x86_64"),
        (
            "thing-1.0-py3-none-linux_x86_64.whl",
            ["py3-none-linux_aarch64"],
            "is for x86_64 by its name, and for aarch64 by WHEEL",
        ),
    ],
)
def test_architecture_rejects_other_systems(name: str, listed: list[str], message: str) -> None:
    with pytest.raises(tags.TagError, match=message):
        tags.architecture(name, listed)
