"""Images by the names in the program's target."""

from __future__ import annotations

import json
import pathlib

import pytest

from tools.cli import cli
from tools.sandbox.commands import images


def _image(**changes: object) -> str:
    names = ("disk", "initramfs", "kernel", "qemu")
    image = {"name": "raw_x86_64", "architecture": "x86_64", "language": "raw", **{name: name for name in names}}
    return json.dumps({**image, **changes})


_ONE = _image()
_OTHER = _image(name="python_aarch64", architecture="aarch64", language="python")


def test_image_has_its_parts() -> None:
    image = images.parse([_ONE], 256)["raw_x86_64"]
    assert (image.language, image.guest.architecture, image.guest.memory) == ("raw", "x86_64", 256)
    # QEMU starts in another directory.
    assert (image.guest.qemu, image.guest.disk) == (pathlib.Path("qemu").absolute(), pathlib.Path("disk").absolute())


def test_image_may_name_its_machine() -> None:
    assert images.parse([_image(machine="microvm")], 256)["raw_x86_64"].guest.machine == "microvm"
    assert images.parse([_image()], 256)["raw_x86_64"].guest.machine is None


@pytest.mark.parametrize("path", ["a,b/disk", "a b/disk", "a:b/disk", "a'b/disk"])
def test_paths_may_contain_any_character(path: str) -> None:
    assert images.parse([_image(disk=path)], 256)["raw_x86_64"].guest.disk == pathlib.Path(path).absolute()


@pytest.mark.parametrize(
    "value",
    [
        *("", "a,b", "[]", "1", "null", "[" * 100_000, '["name"]'),
        *(
            _image(more=""),
            _image(disk=1),
            _image(architecture="riscv64"),
            _image(machine="virt"),
            _image(machine=None),
            _image().replace("qemu", "QEMU"),
        ),
    ],
)
def test_malformed_description_is_rejected(value: str) -> None:
    with pytest.raises(cli.UsageError, match="--available="):
        images.parse([value], 256)


def test_one_image_needs_no_name() -> None:
    assert images.choose(images.parse([_ONE], 256), None).name == "raw_x86_64"


@pytest.mark.parametrize("name", [None, "raw_aarch64"])
def test_error_names_the_images(name: str | None) -> None:
    with pytest.raises(cli.UsageError, match="--image=python_aarch64, --image=raw_x86_64"):
        images.choose(images.parse([_ONE, _OTHER], 256), name)
