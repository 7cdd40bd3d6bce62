"""The guest that a boot test's target names, from the environment that `boot_test` sets."""

from __future__ import annotations

import os
import pathlib

from tools.sandbox import machine


def from_environment(**changes: object) -> machine.Guest:
    """Returns the guest, with the changes that are given to its fields.

    QEMU's path is made absolute: it is started in another folder.
    """
    disk = os.environ.get("SANDBOX_DISK")
    fields: dict[str, object] = {
        "architecture": os.environ["SANDBOX_ARCHITECTURE"],
        "qemu": pathlib.Path(os.environ["SANDBOX_QEMU"]).absolute(),
        "kernel": pathlib.Path(os.environ["SANDBOX_KERNEL"]).absolute(),
        "initramfs": pathlib.Path(os.environ["SANDBOX_INITRAMFS"]).absolute(),
        "disk": pathlib.Path(disk).absolute() if disk else None,
    }
    return machine.Guest(**{**fields, **changes})  # type: ignore[arg-type]
