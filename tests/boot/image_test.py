"""An image boots, and its agent does what hosts rely on."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.boot import guest
from tools.sandbox import acceleration, agent, machine

# Seconds for a boot under software emulation on a slow, busy machine.
_BOOT = 240

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclasses.dataclass(frozen=True)
class Booted:
    """A booted guest, and how to wait for what is asked of it."""

    machine: machine.Machine
    agent: agent.Agent
    wait: Run

    def run(self, language: str, code: str, **options: Any) -> agent.Completed:
        """Runs code in the guest."""
        return self.wait(self.agent.run(language, code, **options))


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    """Boots once for all tests: none of them changes the guest for the next."""
    with asyncio.Runner() as runner:
        described = guest.from_environment()
        accelerator = runner.run(acceleration.probe(described))
        print(f"accelerator: {accelerator}", file=sys.stderr)
        running = machine.Machine(dataclasses.replace(described, accelerator=accelerator))
        connection = agent.Agent(running)
        try:
            runner.run(running.__aenter__())
            runner.run(connection.__aenter__())
            runner.run(connection.ping(_BOOT))
            yield Booted(running, connection, runner.run)
        finally:
            runner.run(running.__aexit__())


def test_pong_has_a_version(booted: Booted) -> None:
    assert booted.wait(booted.agent.ping(30)).count(".") == 2


def test_print_from_python(booted: Booted) -> None:
    result = booted.run("python", "print(6 * 7)")
    assert (result.stdout, result.stderr, result.exit_code) == ("42\n", "", 0)


def test_architecture_of_the_guest(booted: Booted) -> None:
    assert booted.run("raw", "uname -m").stdout.strip() == booted.machine.guest.architecture


def test_stderr_is_kept_apart(booted: Booted) -> None:
    result = booted.run("python", "import sys; print('out'); print('err', file=sys.stderr)")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_traceback_names_the_error(booted: Booted) -> None:
    result = booted.run("python", "1 / 0")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_code(booted: Booted, code: int) -> None:
    assert booted.run("raw", f"exit {code}").exit_code == code


def test_exit_code_of_a_signal(booted: Booted) -> None:
    assert booted.run("raw", "kill -SEGV $$").exit_code == 128 + 11


def test_timeout_ends_the_code_and_not_the_agent(booted: Booted) -> None:
    with pytest.raises(agent.AgentError) as caught:
        booted.run("python", "import time; time.sleep(600)", timeout=3)
    assert caught.value.error_type == "timeout_error"
    assert booted.run("python", "print('still here')").stdout == "still here\n"


def test_environment_is_passed(booted: Booted) -> None:
    code = "import os; print(os.environ['GREETING'])"
    assert booted.run("python", code, env_vars={"GREETING": "grüß dich"}).stdout == "grüß dich\n"


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "PYTHONPATH", "BASH_ENV"])
def test_variables_that_change_the_loader_are_refused(booted: Booted, name: str) -> None:
    with pytest.raises(agent.AgentError) as caught:
        booted.run("python", "print(1)", env_vars={name: "/tmp"})
    assert caught.value.error_type == "validation_error"


def test_output_is_streamed(booted: Booted) -> None:
    code = "import time\nfor n in range(3):\n  print(n, flush=True)\n  time.sleep(1)"
    request: dict[str, object] = {
        "action": "exec",
        "language": "python",
        "code": code,
        "timeout": 60,
        "env_vars": {},
    }

    async def chunks() -> list[str]:
        return [m["chunk"] async for m in booted.agent.stream(request, 60) if m["type"] == "stdout"]

    assert booted.wait(chunks()) == ["0\n", "1\n", "2\n"]


def test_code_runs_as_the_user(booted: Booted) -> None:
    result = booted.run("raw", "id -u; id -g; id -un; pwd; grep NoNewPrivs /proc/self/status")
    assert result.stdout.split() == ["1000", "1000", "user", "/home/user", "NoNewPrivs:", "1"]


def test_code_larger_than_an_argument(booted: Booted) -> None:
    code = "text = '" + "x" * 500_000 + "'\nprint(len(text))"
    assert booted.run("python", code).stdout == "500000\n"


def test_standard_library_of_python(booted: Booted) -> None:
    modules = "bz2, ctypes, decimal, hashlib, json, lzma, sqlite3, ssl, uuid, zlib, zoneinfo"
    result = booted.run("python", f"import {modules}; print(hashlib.sha256(b'').hexdigest()[:8])")
    assert (result.stderr, result.stdout) == ("", "e3b0c442\n")


@pytest.mark.parametrize(
    "tool",
    [
        "bash",
        "sh",
        "ls",
        "sed",
        "gawk",
        "grep",
        "find",
        "tar",
        "gzip",
        "unzip",
        "curl",
        "git",
        "jq",
        "file",
        "ping",
        "env",
    ],
)
def test_tool_is_there(booted: Booted, tool: str) -> None:
    assert booted.run("raw", f"command -v {tool}").stdout.endswith(f"/{tool}\n")


def test_unknown_action_is_an_error_and_no_end(booted: Booted) -> None:
    async def ask(line: bytes) -> agent.Message:
        await booted.agent.send(line)
        return await booted.agent.receive(30)

    for line in (b'{"action": "fly"}\n', b"{\n", b"[]\n", b"\xff\xfe\n"):
        assert booted.wait(ask(line))["type"] == "error"
    assert booted.run("raw", "echo fine").stdout == "fine\n"


def test_console_has_the_boot(booted: Booted) -> None:
    console = booted.machine.console()
    for part in ("[init] ", "[init] stage ", "[guest-agent] "):
        assert part in console
    for part in ("[init] ERROR", "errno="):
        assert part not in console
