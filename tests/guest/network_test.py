"""Test a guest's network with gvproxy, like that of hosts. No traffic leaves this machine's loopback."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import http.server
import pathlib
import re
import ssl
import threading
from collections.abc import Generator

import trustme

from tests.boot.guest import from_environment
from tests.guest import package_index
from tests.guest.booted import PATIENCE
from tests.guest.networked import Booted, booted
from tools.sandbox import machine, network
from tools.sandbox.agent import Agent
from tools.sandbox.commands import directories

__all__ = ["booted"]


def test_interface_has_address_and_default_route(booted: Booted) -> None:
    # Little-endian, in hexadecimal: the network, its mask, and the gateway for everything else.
    routes = [line.split() for line in booted.run("grep ^eth0 /proc/net/route").stdout.splitlines()]
    assert {(route[1], route[2], route[7]) for route in routes} == {
        ("007FA8C0", "00000000", "00FFFFFF"),
        ("00000000", "017FA8C0", "00000000"),
    }
    assert network.GUEST in booted.run("cat /proc/net/fib_trie").stdout


def test_gateway_answers_ping(booted: Booted) -> None:
    result = booted.run(f"ping -c 3 -W 20 {network.GATEWAY}")
    assert (result.exit_code, "3 received" in result.stdout) == (0, True), result


def test_gateway_resolves_names(booted: Booted) -> None:
    assert booted.run("cat /etc/resolv.conf").stdout == f"nameserver {network.GATEWAY}\n"
    for name, address in {"gateway": network.GATEWAY, "host": network.HOST}.items():
        assert booted.run(f"getent hosts {name}.containers.internal").stdout.split()[0] == address
    assert booted.run("getent hosts none.containers.internal").exit_code == 2


def test_guest_reaches_server_of_host(booted: Booted) -> None:
    with package_index.serving() as port:
        page = f"http://host.containers.internal:{port}/simple/{package_index.NAME}/"
        assert package_index.WHEEL in booted.run(f"curl -sS -m 60 {page}").stdout


@contextlib.contextmanager
def _serving_files(directory: pathlib.Path, authority: trustme.CA) -> Generator[int]:
    """Serve files over https on 127.0.0.1 while the context lasts; yield the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with authority.issue_cert("host.containers.internal").private_key_and_cert_chain_pem.tempfile() as file:
        context.load_cert_chain(file)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


# Creates a repository that git can fetch from a plain file server.
_REPOSITORY = """
set -e
git init -q -b main work
echo hello > work/file
git -C work add file
git -C work -c user.name=n -c user.email=e@x commit -qm first
git clone -q --bare work served.git
git -C served.git update-server-info
"""


def test_git_clones_over_https(booted: Booted, tmp_path: pathlib.Path) -> None:
    made = booted.run(_REPOSITORY)
    assert made.exit_code == 0, made
    booted.wait(directories.get(booted.agent, "served.git", tmp_path / "served.git"))
    authority = trustme.CA()
    booted.wait(booted.agent.write_file("authority.pem", authority.cert_pem.bytes()))
    with _serving_files(tmp_path, authority) as port:
        address = f"https://host.containers.internal:{port}/served.git"
        # The image trusts no authority that certifies the server.
        refused = booted.run(f"git clone {address} copy")
        assert refused.exit_code != 0 and "certificate" in refused.stderr, refused
        code = f"git clone -q {address} copy && cat copy/file && git -C copy log --format=%s"
        result = booted.run(code, env_vars={"GIT_SSL_CAINFO": "authority.pem"})
        assert (result.stderr, result.stdout) == ("", "hello\nfirst\n")
        head = booted.run(f"curl -sS --cacert authority.pem {address}/HEAD")
        assert (head.stderr, head.stdout) == ("", "ref: refs/heads/main\n")


def test_packages_install_from_index(booted: Booted) -> None:
    agent = booted.agent
    with package_index.serving() as port:
        # This file selects another index than the public one.
        configuration = f'[[index]]\nurl = "http://{network.HOST}:{port}/simple"\ndefault = true\n'
        booted.wait(agent.write_file(".config/uv/uv.toml", configuration.encode()))
        result = booted.wait(agent.install_packages("python", [f"{package_index.NAME}=={package_index.VERSION}"]))
        assert result.exit_code == 0, result.stderr
        # The index lacks this package.
        missing = booted.wait(agent.install_packages("python", ["farewell==1.0.0"]))
        assert missing.exit_code != 0 and "farewell" in missing.stderr
    result = booted.run(f"import {package_index.NAME}; print({package_index.NAME}.greet())", "python")
    assert (result.stderr, result.stdout) == ("", f"hello from {package_index.VERSION}\n")


def _agent_lines(console: str) -> list[str]:
    """Return the agent's log lines, except those on the clock, which a busy host causes."""
    lines = re.findall(r"\[guest-agent\] (.*?)\r?$", console, re.MULTILINE)
    return [line for line in lines if not line.startswith("the clock was ")]


def _stages(ledger: str) -> list[str]:
    return [stage.partition("=")[0] for stage in ledger.split(",")]


def test_agent_does_not_wait_for_missing_network_card(booted: Booted) -> None:
    """The ledger has no additional stage, and the agent is ready before it looks for the card once."""

    async def boot() -> tuple[list[str], str]:
        alone = dataclasses.replace(from_environment(), command_line="init.net=1")
        async with machine.Machine(alone) as running, Agent(running) as agent:
            await agent.ping(PATIENCE)
            stages = _stages((await agent.hello()).boot)
            # The agent sets up the network in the background.
            async with asyncio.timeout(PATIENCE):
                while "network is set up" not in running.console():
                    await asyncio.sleep(0.1)
            return stages, running.console()

    stages, console = asyncio.run(boot())
    assert stages == _stages(booted.wait(booted.agent.hello()).boot)
    version, *lines = _agent_lines(console)
    assert version.startswith("version ")
    assert lines == ["ready", "no network card", "network is set up"]
    # With a card, the agent is ready before it sets up the network as well.
    assert _agent_lines(booted.machine.console())[1:] == ["ready", "network is set up"]
