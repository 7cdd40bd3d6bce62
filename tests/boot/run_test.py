"""Test `bazel run //tools/sandbox` and `bazel run //images:run_…` with guests that end with the command."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time

import pytest

from tests.boot import program
from tests.boot.guest import PATIENCE


def test_program_passes_output_and_exit_code_on() -> None:
    done = program.run("--code", "echo out; echo err >&2; exit 42")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 42)


def test_program_reads_code_from_stdin() -> None:
    done = program.run(input="uname -m\n")
    assert (done.stdout.strip(), done.stderr, done.returncode) == (os.environ["SANDBOX_ARCHITECTURE"], "", 0)


def test_program_copies_files_both_ways(tmp_path: pathlib.Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "in").write_bytes(content)
    (tmp_path / "code").write_text('read line; echo "$line $GREETING"; chmod +x d/in; mv d/in out; exit 3')
    done = program.run(
        *("run", "--file=code", "--stdin", "--env=GREETING=a=b", "--put=in=d/", "--get=out=out"),
        input="hello\n",
        directory=tmp_path,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("hello a=b\n", "", 3)
    assert (tmp_path / "out").read_bytes() == content
    assert os.access(tmp_path / "out", os.X_OK)


def test_failed_guest_shows_its_console(tmp_path: pathlib.Path) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(b"no disk")
    done = program.run("--code", "true", disk=disk)
    assert done.returncode == 125
    assert "--- QEMU ---" in done.stderr and "disk.qcow2" in done.stderr


def test_timeout_is_reported() -> None:
    done = program.run("--code", "sleep 60", "--timeout=2")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("run: timeout_error: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_guest_ends_with_the_program(number: signal.Signals) -> None:
    with subprocess.Popen(
        program.command("--console", "--code", "echo up; sleep 250", "--timeout=300"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout and running.stdout.readline() == "up\n"
        guests = program.qemus(running.pid)
        assert guests
        running.send_signal(number)
        running.wait(PATIENCE)
    assert running.returncode in (-number, 128 + number)
    deadline = time.monotonic() + PATIENCE
    while any(pathlib.Path(f"/proc/{guest}/exe").exists() for guest in guests) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [guest for guest in guests if pathlib.Path(f"/proc/{guest}/exe").exists()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--language=cobol"], "value should be one of"),
        (["fly"], "'fly' is not one of the commands"),
        (["cp", "a"], "cp takes 2 arguments, not 1"),
        (["cp", "a", "b"], "one path of the host and one of a guest"),
        (["run", "--image=other"], "no image 'other'"),
        (["run", "--code=x", "--file=y"], "give --code or --file"),
        (["run", "--code=x", "--env=x"], "--env=NAME=VALUE"),
        (["run", "--code=x", "--guest=../x"], "is not a guest's name"),
        (["shell"], "a shell needs a terminal"),
    ],
)
def test_bad_usage_is_reported_in_one_line(arguments: list[str], words: str) -> None:
    done = program.run(*arguments, input="")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--file=/nonexistent"], "/nonexistent: No such file"),
        (["run", "--code=x", "--guest=none-such"], "no guest 'none-such' runs"),
        (["console", "none-such"], "boot it with boot --name=none-such"),
    ],
)
def test_bad_input_is_reported_in_one_line(arguments: list[str], words: str) -> None:
    done = program.run(*arguments, input="")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_help_has_commands_and_flags() -> None:
    done = program.run("--help")
    for words in ("cp SOURCE TARGET", "--image", "--timeout", "opens a shell"):
        assert words in done.stdout
