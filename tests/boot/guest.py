"""The guest that a boot test's target names, from the environment that `boot_test` sets."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
from collections.abc import Coroutine
from typing import Any

from tools.sandbox import machine
from tools.sandbox.agent import Agent
from tools.sandbox.program import Completed

PATIENCE = 300
"""Seconds after which a guest hangs, under software emulation on however slow and busy a machine.

It ends what would never end by itself. No test may judge by it, or by any other time.
"""

_LONGEST = 3 * PATIENCE
"""Seconds after which a request hangs that has no limit of its own: the longest test boots, and runs code twice."""


@dataclasses.dataclass
class Connected:
    """A booted guest and the connection to its agent.

    Attributes:
        machine: the guest.
        agent: the connection; a test that connects again replaces it.
        runner: the event loop of both.
    """

    machine: machine.Machine
    agent: Agent
    runner: asyncio.Runner

    def wait(self, request: Coroutine[Any, Any, Any]) -> Any:
        """Waits for the end of a request and returns its result.

        Raises:
            MachineError: the request does not end; the message has the guest's console.
        """
        return self.runner.run(self._bounded(request))

    async def _bounded(self, request: Coroutine[Any, Any, Any]) -> Any:
        limit = asyncio.timeout(_LONGEST)
        try:
            async with limit:
                return await request
        except TimeoutError:
            if not limit.expired():
                raise
            raise self.machine.error(f"the request did not end within {_LONGEST} s") from None


class Booted(Connected):
    """A booted guest that runs code of any language."""

    def run(self, language: str, code: str, **options: Any) -> Completed:
        """Runs code in the guest."""
        options.setdefault("timeout", PATIENCE)
        return self.wait(self.agent.run(language, code, **options))

    def install_beside(self, language: str, package: str, server: str, ready: str) -> Completed:
        """Installs a package while a program of the same language runs that is its index.

        Args:
            language: python or javascript.
            package: name and version.
            server: code of the program.
            ready: a shell's command that succeeds once it serves.
        """

        async def install() -> Completed:
            async with self.agent.start(language, server, timeout=0):
                await self.agent.run("raw", f"until {ready}; do sleep 0.1; done", timeout=PATIENCE)
                return await self.agent.install_packages(language, [package])

        return self.wait(install())


def variant() -> str:
    """Returns the variant of the image, such as python."""
    return os.environ["SANDBOX_VARIANT"]


def from_environment(**changes: object) -> machine.Guest:
    """Returns the guest, with the changes that are given to its fields.

    QEMU's path is made absolute: it is started in another directory. Another kernel than the target's boots on a
    machine that any kernel boots on.
    """
    disk = os.environ.get("SANDBOX_DISK")
    fields: dict[str, object] = {
        "architecture": os.environ["SANDBOX_ARCHITECTURE"],
        "qemu": pathlib.Path(os.environ["SANDBOX_QEMU"]).absolute(),
        "kernel": pathlib.Path(os.environ["SANDBOX_KERNEL"]).absolute(),
        "initramfs": pathlib.Path(os.environ["SANDBOX_INITRAMFS"]).absolute(),
        "disk": pathlib.Path(disk).absolute() if disk else None,
        "machine": None if "kernel" in changes else os.environ["SANDBOX_MACHINE"] or None,
        "memory": int(os.environ.get("SANDBOX_MEMORY", machine.Guest.memory)),
    }
    return machine.Guest(**{**fields, **changes})  # type: ignore[arg-type]
