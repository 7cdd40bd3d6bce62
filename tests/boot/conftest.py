"""Fixtures: the guest that all test files of a target share, which no test changes; and a directory for sockets."""

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
    """Boots once for all tests."""
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
def folder() -> Iterator[pathlib.Path]:
    """Makes a directory whose path is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="machines.", dir="/tmp") as path:
        yield pathlib.Path(path)
