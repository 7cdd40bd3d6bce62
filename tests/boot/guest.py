"""Provide the guest of a boot test's target, from the environment that `boot_test` sets."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Coroutine, Generator
from typing import Any, Self

from tools.sandbox import machine
from tools.sandbox.agent import Agent
from tools.sandbox.program import Completed

PATIENCE = 300
"""Seconds after which a guest counts as hung, under software emulation on a slow, busy machine.

The limit ends a test that would never end by itself. No test may judge by it, or by any other time.
"""

_LONGEST = 3 * PATIENCE
"""Seconds after which any request counts as hung: the longest test boots a guest and runs code twice."""


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

    @classmethod
    @contextlib.contextmanager
    def boot(cls, runner: asyncio.Runner, described: machine.Guest) -> Generator[Self]:
        """Boot a guest, wait until its agent answers, and end the guest after the block."""
        running = machine.Machine(described)
        agent = Agent(running)
        try:
            runner.run(running.__aenter__())
            runner.run(agent.__aenter__())
            runner.run(agent.ping(PATIENCE))
            yield cls(running, agent, runner)
        finally:
            runner.run(running.__aexit__())

    def wait(self, request: Coroutine[Any, Any, Any]) -> Any:
        """Wait for the end of a request and return its result.

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
    """A booted guest that runs code in any language."""

    def run(self, language: str, code: str, **options: Any) -> Completed:
        """Run code in the guest."""
        options.setdefault("timeout", PATIENCE)
        return self.wait(self.agent.run(language, code, **options))

    def install_beside(self, language: str, package: str, server: str, ready: str) -> Completed:
        """Install a package while a program in the same language serves as its index.

        Args:
            language: python or javascript.
            package: name and version.
            server: code of the program.
            ready: shell command that succeeds once the program serves.
        """

        async def install() -> Completed:
            async with self.agent.start(language, server, timeout=0):
                await self.agent.run("raw", f"until {ready}; do sleep 0.1; done", timeout=PATIENCE)
                return await self.agent.install_packages(language, [package])

        return self.wait(install())


def variant() -> str:
    """Return the variant of the image, such as python."""
    return os.environ["SANDBOX_VARIANT"]


def from_environment(**changes: object) -> machine.Guest:
    """Return the guest with changes to its fields.

    QEMU's path is absolute, because QEMU starts in another directory. Another kernel than the target's boots on a
    machine that suits any kernel.
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
