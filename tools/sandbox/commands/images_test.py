"""Images as the program's target names them."""

from __future__ import annotations

import pathlib

import pytest

from tools.cli import cli
from tools.sandbox.commands import images

_ONE = "raw_x86_64,x86_64,raw,disk,initramfs,kernel,qemu"
_OTHER = "python_aarch64,aarch64,python,d,i,k,q"


def test_an_image_has_its_parts() -> None:
    image = images.parse([_ONE], 256)["raw_x86_64"]
    assert (image.language, image.guest.architecture, image.guest.memory) == ("raw", "x86_64", 256)
    # QEMU is started in another folder.
    assert (image.guest.qemu, image.guest.disk) == (pathlib.Path("qemu").absolute(), pathlib.Path("disk").absolute())


@pytest.mark.parametrize("value", ["", "a,b", _ONE + ",more", _ONE.replace(",x86_64", ",riscv64")])
def test_what_is_no_image(value: str) -> None:
    with pytest.raises(cli.UsageError, match="--available="):
        images.parse([value], 256)


def test_one_image_needs_no_name() -> None:
    assert images.choose(images.parse([_ONE], 256), None).name == "raw_x86_64"


@pytest.mark.parametrize("name", [None, "raw_aarch64"])
def test_several_images_are_named(name: str | None) -> None:
    with pytest.raises(cli.UsageError, match="--image=python_aarch64, --image=raw_x86_64"):
        images.choose(images.parse([_ONE, _OTHER], 256), name)
