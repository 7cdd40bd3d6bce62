"""A guest with a network, which is booted once for a file of tests: `booted` is the fixture."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.boot.guest import from_environment
from tests.guest.booted import Booted
from tools.sandbox import network

GVPROXY = pathlib.Path(os.environ["GVPROXY"]).absolute()
"""The host's end of the network."""


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    """Boot the guest that the test's target names, and wait until its network is up."""
    with asyncio.Runner() as runner:
        connected = network.connected(from_environment(), GVPROXY)
        described = runner.run(connected.__aenter__())
        try:
            with Booted.boot(runner, described) as guest:
                # The agent sets the network up in the background.
                guest.run("until grep -q ^eth0 /proc/net/route; do sleep 0.1; done")
                yield guest
        finally:
            runner.run(connected.__aexit__(None, None, None))
