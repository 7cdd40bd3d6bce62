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
from tests.boot.guest import Booted
from tools.sandbox import acceleration


@pytest.fixture(scope="session")
def booted() -> Iterator[Booted]:
    """Boot once for all tests."""
    with asyncio.Runner() as runner:
        described = guest.from_environment()
        accelerator = runner.run(acceleration.probe(described))
        print(f"accelerator: {accelerator}", file=sys.stderr)
        with Booted.boot(runner, dataclasses.replace(described, accelerator=accelerator)) as running:
            yield running


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """Create a directory whose path is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="machines.", dir="/tmp") as path:
        yield pathlib.Path(path)
