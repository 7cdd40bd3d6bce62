"""The images that the program knows, as its target names them."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from tools.cli import cli
from tools.sandbox import machine


@dataclasses.dataclass(frozen=True)
class Image:
    """An image that can be booted.

    Attributes:
        name: such as python_x86_64.
        language: what it is made for: python, javascript or raw.
        guest: what to boot.
    """

    name: str
    language: str
    guest: machine.Guest


def parse(values: Sequence[str], memory: int) -> dict[str, Image]:
    """Returns the images that flags describe.

    Args:
        values: `NAME,ARCHITECTURE,LANGUAGE,DISK,INITRAMFS,KERNEL,QEMU`, as `sandbox_program` writes them.
        memory: MiB of RAM to give a guest.

    Raises:
        UsageError: one has another form.
    """
    images: dict[str, Image] = {}
    for value in values:
        try:
            name, architecture, language, *files = value.split(",")
            # QEMU is not started in this folder.
            disk, initramfs, kernel, qemu = (pathlib.Path(file).absolute() for file in files)
        except ValueError:
            raise cli.UsageError(f"--available={value}: has not the seven parts of an image") from None
        if architecture not in machine.ARCHITECTURES:
            raise cli.UsageError(f"--available={value}: {architecture!r} is no architecture of a guest")
        guest = machine.Guest(
            architecture=architecture, qemu=qemu, kernel=kernel, initramfs=initramfs, disk=disk, memory=memory
        )
        images[name] = Image(name, language, guest)
    return images


def choose(images: Mapping[str, Image], name: str | None) -> Image:
    """Returns the image of a name; without one, the only image that there is.

    Raises:
        UsageError: there is no such image, or there are several.
    """
    if name is None and len(images) == 1:
        return next(iter(images.values()))
    if name is None or name not in images:
        what = "which image?" if name is None else f"no image {name!r}:"
        raise cli.UsageError(f"{what} give one of --image={', --image='.join(sorted(images))}")
    return images[name]
