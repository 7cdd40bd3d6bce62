"""A guest with a network, which is booted once for a file of tests: `booted` is the fixture."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.boot.guest import from_environment
from tests.guest.booted import PATIENCE, Booted
from tools.sandbox import machine, network
from tools.sandbox.agent import Agent

GVPROXY = pathlib.Path(os.environ["GVPROXY"]).absolute()
"""The network's other end."""


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    """Boot the guest that the test's target names, and wait until its network is up."""
    with asyncio.Runner() as runner:
        connected = network.connected(from_environment(), GVPROXY)
        guest = runner.run(connected.__aenter__())
        running = machine.Machine(guest)
        agent = Agent(running)
        try:
            runner.run(running.__aenter__())
            runner.run(agent.__aenter__())
            runner.run(agent.ping(PATIENCE))
            found = Booted(running, agent, runner)
            # It comes up in the background.
            found.run("until grep -q ^eth0 /proc/net/route; do sleep 0.1; done")
            yield found
        finally:
            runner.run(running.__aexit__())
            runner.run(connected.__aexit__(None, None, None))
