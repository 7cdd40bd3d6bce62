"""Provide fixtures for the tests of the JavaScript session loops."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator

import pytest

from agents.guest_agent.interpreters.tests import javascript_testing
from agents.guest_agent.interpreters.tests.javascript_testing import Loop


@pytest.fixture(scope="session", name="command")
def _command() -> list[str]:
    return javascript_testing.interpreter()


@pytest.fixture(scope="session", name="home")
def _home(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    home = tmp_path_factory.mktemp("home")
    modules = home / "node_modules"
    (modules / "esm").mkdir(parents=True)
    (modules / "esm/package.json").write_text('{"name": "esm", "type": "module", "exports": "./index.js"}')
    (modules / "esm/index.js").write_text("export default 7; export const nine = 9;")
    (modules / "common").mkdir()
    (modules / "common/index.js").write_text("exports.five = 5;")
    (home / "local.mjs").write_text("export const here = 'local';")
    return home


@pytest.fixture(scope="session", name="start")
def _start(command: list[str], home: pathlib.Path) -> Iterator[Callable[..., Loop]]:
    loops: list[Loop] = []

    def start(**env: str) -> Loop:
        loops.append(Loop(command, os.environ["JAVASCRIPT_RUNTIME"], home, env))
        return loops[-1]

    yield start
    for loop in loops:
        loop.close()


@pytest.fixture(scope="session", name="loop")
def _loop(start: Callable[..., Loop]) -> Loop:
    """Return a session that tests share for speed. They keep it alive, and declare the variables that they use."""
    return start()


@pytest.fixture(name="own_loop")
def _own_loop(start: Callable[..., Loop]) -> Loop:
    """Return a session for a test that breaks or ends it."""
    return start()
