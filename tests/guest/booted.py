"""A guest that is booted once for a file of tests: `booted` is the fixture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.boot.guest import PATIENCE, Connected, from_environment
from tests.guest import traffic
from tools.sandbox import errors
from tools.sandbox.agent import Agent
from tools.sandbox.program import Completed

__all__ = ["PATIENCE", "Booted", "booted"]


class Booted(Connected):
    """A booted guest that runs shell code, unless the test names another language."""

    def run(self, code: str, language: str = "raw", **options: Any) -> Completed:
        """Run code in the guest."""
        options.setdefault("timeout", PATIENCE)
        return self.wait(self.agent.run(language, code, **options))

    def error(self, request: Coroutine[Any, Any, Any]) -> str:
        """Return the type of the error that a request ends with."""
        with pytest.raises(errors.AgentError) as caught:
            self.wait(request)
        return caught.value.error_type

    def run_until(self, code: str, expected: str) -> None:
        """Run code in the guest again and again until it prints what is expected."""
        deadline = time.monotonic() + PATIENCE
        while (printed := self.run(code).stdout) != expected:
            assert time.monotonic() < deadline, printed
            time.sleep(0.1)

    def hang_up(self) -> None:
        """Close the connection, so that another host can connect."""
        self.wait(self.agent.__aexit__())

    def come_back(self) -> None:
        """Connect again."""
        self.wait(self.insist(self._connect))

    async def _connect(self) -> None:
        agent = Agent(self.machine, after_another=True)
        await agent.__aenter__()
        try:
            await agent.greet(PATIENCE)
        except BaseException:
            # QEMU gives the ports to no later connection while this one is open.
            await agent.__aexit__()
            raise
        self.agent = agent

    async def insist(self, talk: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `talk` until it succeeds, as a host that has just connected.

        QEMU accepts one host at a time. Until it notices that the last host has disconnected, it rejects connections.
        """
        while True:
            try:
                return await talk()
            except (errors.NoAnswerError, errors.ProtocolError):
                raise
            except errors.MachineError:
                if not self.machine.running:
                    raise
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    """Boot the guest that the test's target names."""
    with traffic.checked(), asyncio.Runner() as runner, Booted.boot(runner, from_environment()) as guest:
        yield guest
