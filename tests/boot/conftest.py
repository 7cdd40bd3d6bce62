"""Fixtures: the guest that all test files of a target share, and a directory for sockets. No test changes the guest."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import pytest

from tests.boot import guest
from tests.boot.guest import PATIENCE, Booted
from tools.sandbox import acceleration, machine
from tools.sandbox.agent import Agent


@pytest.fixture(scope="session")
def booted() -> Iterator[Booted]:
    """Boot once for all tests."""
    with asyncio.Runner() as runner:
        described = guest.from_environment()
        accelerator = runner.run(acceleration.probe(described))
        print(f"accelerator: {accelerator}", file=sys.stderr)
        running = machine.Machine(dataclasses.replace(described, accelerator=accelerator))
        connection = Agent(running)
        try:
            runner.run(running.__aenter__())
            runner.run(connection.__aenter__())
            runner.run(connection.ping(PATIENCE))
            yield Booted(running, connection, runner)
        finally:
            runner.run(running.__aexit__())


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """Make a directory whose path is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="machines.", dir="/tmp") as path:
        yield pathlib.Path(path)
