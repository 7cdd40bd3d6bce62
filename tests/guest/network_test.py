"""A guest's network, with gvproxy at its other end as hosts have it. Nothing leaves this machine's loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.guest import package_index
from tests.guest.booted import Booted, described
from tools.sandbox import machine, network
from tools.sandbox.agent import Agent

_GVPROXY = pathlib.Path(os.environ["GVPROXY"]).absolute()

# Seconds for a boot under software emulation on a slow, busy machine.
_BOOT = 240


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    """A guest with a network, which is up."""
    with asyncio.Runner() as runner:
        connected = network.connected(described(), _GVPROXY)
        guest = runner.run(connected.__aenter__())
        running = machine.Machine(guest)
        agent = Agent(running)
        try:
            runner.run(running.__aenter__())
            runner.run(agent.__aenter__())
            runner.run(agent.ping(_BOOT))
            found = Booted(running, agent, runner.run)
            # It comes up in the background.
            found.run("until grep -q ^eth0 /proc/net/route; do sleep 0.1; done")
            yield found
        finally:
            runner.run(running.__aexit__())
            runner.run(connected.__aexit__(None, None, None))


def test_address_and_route(booted: Booted) -> None:
    # Little-endian, in hexadecimal: the network, its mask, and the gateway for everything else.
    routes = [line.split() for line in booted.run("grep ^eth0 /proc/net/route").stdout.splitlines()]
    assert {(route[1], route[2], route[7]) for route in routes} == {
        ("007FA8C0", "00000000", "00FFFFFF"),
        ("00000000", "017FA8C0", "00000000"),
    }
    assert network.GUEST in booted.run("cat /proc/net/fib_trie").stdout


def test_the_gateway_answers(booted: Booted) -> None:
    result = booted.run(f"ping -c 3 -W 20 {network.GATEWAY}")
    assert (result.exit_code, "3 received" in result.stdout) == (0, True), result


def test_names(booted: Booted) -> None:
    assert booted.run("cat /etc/resolv.conf").stdout == f"nameserver {network.GATEWAY}\n"
    for name, address in {"gateway": network.GATEWAY, "host": network.HOST}.items():
        assert booted.run(f"getent hosts {name}.containers.internal").stdout.split()[0] == address
    assert booted.run("getent hosts none.containers.internal").exit_code == 2


def test_a_server_of_this_machine(booted: Booted) -> None:
    with package_index.serving() as port:
        page = f"http://host.containers.internal:{port}/simple/{package_index.NAME}/"
        assert "greeting-1.0.0-py3-none-any.whl" in booted.run(f"curl -sS -m 60 {page}").stdout


def test_packages_from_an_index(booted: Booted) -> None:
    agent = booted.agent
    with package_index.serving() as port:
        # This is how a guest learns of another index than everybody's.
        configuration = f'[[index]]\nurl = "http://{network.HOST}:{port}/simple"\ndefault = true\n'
        booted.wait(agent.write_file(".config/uv/uv.toml", configuration.encode()))
        result = booted.wait(agent.install_packages("python", ["greeting==1.0.0"]))
        assert result.exit_code == 0, result.stderr
        # What the index does not have.
        missing = booted.wait(agent.install_packages("python", ["farewell==1.0.0"]))
        assert missing.exit_code != 0 and "farewell" in missing.stderr
    result = booted.run("import greeting; print(greeting.greet())", "python")
    assert (result.stderr, result.stdout) == ("", "hello from 1.0.0\n")


def test_without_a_network_a_guest_is_ready_as_soon() -> None:
    """Nothing waits for an interface that does not come."""

    async def uptime(guest: machine.Guest) -> int:
        async with machine.Machine(guest) as running, Agent(running) as agent:
            await agent.ping(_BOOT)
            return (await agent.metrics()).uptime_ms

    async def compare() -> tuple[int, int]:
        alone = dataclasses.replace(described(), command_line="init.net=1")
        without, with_network = list[int](), list[int]()
        # In turn, and the quickest of each: the machine may have other things to do.
        for _ in range(2):
            without.append(await uptime(alone))
            async with network.connected(described(), _GVPROXY) as connected:
                with_network.append(await uptime(connected))
        print(f"ready after {without} ms without, {with_network} ms with a network")
        return min(without), min(with_network)

    without, with_network = asyncio.run(compare())
    assert without < with_network * 1.5
