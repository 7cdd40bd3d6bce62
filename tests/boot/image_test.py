"""Test every image, whatever its languages: it boots, and its agent serves hosts."""

from __future__ import annotations

import pytest

from tests.boot import guest
from tests.boot.guest import PATIENCE, Booted
from tools.sandbox import errors, responses

_PROGRAMS = {"python": "print(6 * 7)", "javascript": "console.log(6 * 7)", "raw": "echo $((6 * 7))"}
_LANGUAGES = {
    "bun": ["javascript", "raw"],
    "node": ["javascript", "raw"],
    "python": ["python", "raw"],
    "raw": ["raw"],
}


def test_pong_has_a_version(booted: Booted) -> None:
    assert booted.wait(booted.agent.ping(PATIENCE)).version.count(".") == 2


@pytest.mark.parametrize("language", sorted(_PROGRAMS))
def test_language_runs_only_in_its_variants(booted: Booted, language: str) -> None:
    if language in _LANGUAGES[guest.variant()]:
        result = booted.run(language, _PROGRAMS[language])
        assert (result.stdout, result.stderr, result.exit_code) == ("42\n", "", 0)
    else:
        with pytest.raises(errors.ExecutionError):
            booted.run(language, _PROGRAMS[language])


def test_stderr_is_separate(booted: Booted) -> None:
    result = booted.run("raw", "echo out; echo err >&2")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_agent_survives_timeout_of_code(booted: Booted) -> None:
    with pytest.raises(errors.TimedOutError):
        booted.run("raw", "sleep 600", timeout=3)
    assert booted.run("raw", "echo still here").stdout == "still here\n"


def test_environment_passes_values_of_several_lines(booted: Booted) -> None:
    key = "-----BEGIN KEY-----\nAAAA\r\n-----END KEY-----\n"
    result = booted.run("raw", 'printf "%s" "$KEY"', env_vars={"KEY": key})
    assert result.stdout == key


def test_environment_passes_unicode(booted: Booted) -> None:
    result = booted.run("raw", 'echo "$GREETING"', env_vars={"GREETING": "grüß dich"})
    assert result.stdout == "grüß dich\n"


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "PYTHONPATH", "NODE_OPTIONS", "BASH_ENV"])
def test_rejects_variables_that_change_loaders(booted: Booted, name: str) -> None:
    with pytest.raises(errors.RefusedError):
        booted.run("raw", "echo 1", env_vars={name: "/tmp"})


def test_output_is_streamed(booted: Booted) -> None:
    """Each line arrives while the program waits for the answer to it."""

    async def chunks() -> list[str]:
        seen: list[str] = []
        code = "for n in 0 1 2; do echo $n; read answer; done"
        async with booted.agent.start("raw", code, timeout=PATIENCE, stdin=True) as program:
            async for output in program:
                seen.append(output.chunk)
                await program.write(b"seen\n")
        return seen

    assert booted.wait(chunks()) == ["0\n", "1\n", "2\n"]


def test_code_larger_than_an_argument_runs(booted: Booted) -> None:
    code = "text='" + "x" * 500_000 + "'\necho ${#text}"
    assert booted.run("raw", code).stdout == "500000\n"


def test_uname_has_architecture_of_guest(booted: Booted) -> None:
    assert booted.run("raw", "uname -m").stdout.strip() == booted.machine.guest.architecture


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_code_is_reported(booted: Booted, code: int) -> None:
    assert booted.run("raw", f"exit {code}").exit_code == code


def test_death_by_signal_has_exit_code_128_plus_signal(booted: Booted) -> None:
    assert booted.run("raw", "kill -SEGV $$").exit_code == 128 + 11


def test_code_runs_as_the_user(booted: Booted) -> None:
    result = booted.run("raw", "id -u; id -g; id -un; pwd; grep NoNewPrivs /proc/self/status")
    assert result.stdout.split() == ["1000", "1000", "user", "/home/user", "NoNewPrivs:", "1"]


def test_swap_is_compressed_memory(booted: Booted) -> None:
    swaps = booted.run("raw", "cat /proc/swaps").stdout.splitlines()
    name, kind, size, _, priority = swaps[1].split()
    # tiny-init has removed the device's name.
    assert (name, kind, priority) == ("/dev/zram0\\040(deleted)", "partition", "100")
    total = int(booted.run("raw", "awk '/MemTotal/ { print $2 }' /proc/meminfo").stdout)
    assert 0.38 * total < int(size) < 0.42 * total
    settings = booted.run("raw", "cat /proc/sys/vm/page-cluster /proc/sys/vm/swappiness").stdout.split()
    assert settings == ["0", "180"]


def test_agent_survives_malformed_requests(booted: Booted) -> None:
    async def ask(line: bytes) -> responses.Response:
        connection = booted.agent.connection
        channel = connection.open(None)
        try:
            await connection.send_bytes(line)
            return await channel.receive(PATIENCE)
        finally:
            channel.close()

    for line in (b'{"action": "fly"}\n', b"{\n", b"[]\n", b"\xff\xfe\n"):
        assert isinstance(booted.wait(ask(line)), responses.Error)
    assert booted.run("raw", "echo fine").stdout == "fine\n"


def test_console_has_lines_of_boot_and_no_errors(booted: Booted) -> None:
    console = booted.machine.console()
    for part in ("[init] ", "[init] stage ", "[guest-agent] "):
        assert part in console
    for part in ("[init] ERROR", "errno="):
        assert part not in console
