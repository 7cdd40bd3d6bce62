"""Test packages of JavaScript from a registry of the test, through gvproxy."""

from __future__ import annotations

from tests.guest import package_index
from tests.guest.networked import Booted, booted
from tools.sandbox import network

__all__ = ["booted"]


def test_packages_install_from_registry(booted: Booted) -> None:
    agent = booted.agent
    with package_index.serving() as port:
        booted.wait(agent.write_file(".npmrc", f"registry=http://{network.HOST}:{port}/\n".encode()))
        package = f"{package_index.NAME}@{package_index.VERSION}"
        result = booted.wait(agent.install_packages("javascript", [package]))
        assert result.exit_code == 0, result.stderr
        # The registry lacks this package.
        missing = booted.wait(agent.install_packages("javascript", ["farewell@1.0.0"]))
        assert missing.exit_code != 0 and "farewell" in missing.stderr
    result = booted.run(f"console.log(require('{package_index.NAME}').greet())", "javascript")
    assert (result.stderr, result.stdout) == ("", f"hello from {package_index.VERSION}\n")
