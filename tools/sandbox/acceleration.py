"""Hardware acceleration: used only if it has really booted something.

/dev/kvm may exist, and open, on a machine on which it then fails: nested, or emulated, or not allowed.
"""

from __future__ import annotations

import dataclasses
import os
import platform

from tools.sandbox import errors
from tools.sandbox import machine as machines

# A kernel prints its name within a second if KVM works.
_SECONDS = 15


async def probe(guest: machines.Guest) -> str:
    """Return the accelerator for a guest: "kvm" if its kernel starts under it, else "tcg"."""
    if platform.machine() != guest.architecture or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    kernel = dataclasses.replace(guest, accelerator="kvm", initramfs=None, disk=None, ports=(), devices=())
    try:
        async with machines.Machine(kernel) as machine:
            # Without a root file system it panics, and QEMU exits.
            await machine.wait(_SECONDS)
            started = "Linux version" in machine.console()
    except errors.MachineError:
        return "tcg"
    return "kvm" if started else "tcg"
