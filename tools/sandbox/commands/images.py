"""The images of the program, by the names in its target."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tools.cli import cli
from tools.sandbox import machine

_FILES = ("disk", "initramfs", "kernel", "qemu")
_PARTS = {"architecture", "language", "name", *_FILES}


@dataclasses.dataclass(frozen=True)
class Image:
    """A bootable image.

    Attributes:
        name: its name, such as python_x86_64.
        language: its language: python, javascript or raw.
        guest: the guest to boot.
    """

    name: str
    language: str
    guest: machine.Guest


def parse(values: Sequence[str], memory: int) -> dict[str, Image]:
    """Return the images in the flags.

    Args:
        values: JSON objects, as written by `sandbox_program`, with the texts `name`, `architecture`, `language`,
            `disk`, `initramfs`, `kernel` and `qemu`, and optionally `machine`.
        memory: MiB of RAM for a guest.

    Raises:
        UsageError: a value has another form.
    """
    images: dict[str, Image] = {}
    for value in values:
        try:
            parts: Any = json.loads(value)
            if set(parts) - {"machine"} != _PARTS or not all(isinstance(part, str) for part in parts.values()):
                raise ValueError
        except (AttributeError, RecursionError, TypeError, ValueError):
            raise cli.UsageError(f"--available={value}: must be a JSON object of {', '.join(sorted(_PARTS))}") from None
        if parts["architecture"] not in machine.ARCHITECTURES:
            raise cli.UsageError(f"--available={value}: {parts['architecture']!r} is not an architecture of a guest")
        if parts.get("machine") not in {None, *machine.ARCHITECTURES[parts["architecture"]].models}:
            raise cli.UsageError(f"--available={value}: {parts['machine']!r} is not a machine of its architecture")
        # QEMU starts in another directory.
        files = {name: pathlib.Path(parts[name]).absolute() for name in _FILES}
        guest = machine.Guest(
            architecture=parts["architecture"],
            qemu=files["qemu"],
            kernel=files["kernel"],
            initramfs=files["initramfs"],
            disk=files["disk"],
            memory=memory,
            machine=parts.get("machine"),
        )
        images[parts["name"]] = Image(parts["name"], parts["language"], guest)
    return images


def choose(images: Mapping[str, Image], name: str | None) -> Image:
    """Return the image of a name; without a name, the only image.

    Raises:
        UsageError: there is no such image, or there are several.
    """
    if name is None and len(images) == 1:
        return next(iter(images.values()))
    if name is None or name not in images:
        what = "which image?" if name is None else f"no image {name!r}:"
        raise cli.UsageError(f"{what} give one of --image={', --image='.join(sorted(images))}")
    return images[name]
