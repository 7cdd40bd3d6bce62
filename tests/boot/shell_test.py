"""Test a shell in a guest through a pseudo-terminal, and guests that several commands share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Generator, Iterator

import pytest

from tests.boot import program
from tests.boot.guest import PATIENCE


class _Person:
    """A person at a terminal who has started the program."""

    def __init__(self, *arguments: str) -> None:
        self._ours, self.tty = pty.openpty()
        self.resize(24, 80)
        self.before = termios.tcgetattr(self.tty)
        # A session leader gets the first terminal that it opens as controlling terminal, which signals size changes.
        script = 'exec <>"$0" >&0 2>&0; exec "$@"'
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", script, os.ttyname(self.tty), *program.command(*arguments)], start_new_session=True
        )
        self.seen = ""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self.tty)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def expect(self, pattern: str) -> str:
        """Read until the pattern appears; return the text before it, and drop both."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._ours], [], [], left)[0], f"no {pattern!r} in:\n{self.seen}"
            self.seen += os.read(self._ours, 4096).decode(errors="replace")
        before, self.seen = self.seen[: found.start()], self.seen[found.end() :]
        return before

    def end(self) -> int:
        """Wait for the program's end, and check that it restored the terminal."""
        deadline = time.monotonic() + PATIENCE
        # The program's last output needs a reader.
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            if select.select([self._ours], [], [], 0.1)[0]:
                self.seen += os.read(self._ours, 4096).decode(errors="replace")
        assert termios.tcgetattr(self.tty) == self.before
        return self.process.returncode


@contextlib.contextmanager
def _person(*arguments: str) -> Generator[_Person]:
    somebody = _Person(*arguments)
    try:
        yield somebody
    finally:
        somebody.close()


@pytest.fixture
def somebody() -> Iterator[_Person]:
    """Yield a person who sees the console of a booting guest, and then a shell in it."""
    with _person() as person:
        person.expect(r"\[init\] stage ")
        person.expect(r"\$ ")
        yield person


def test_shell_has_terminal_size_and_job_control(somebody: _Person) -> None:
    somebody.type("tty; id -u; uname -m\r")
    somebody.expect(rf"/dev/pts/\d+\r\n1000\r\n{os.environ['SANDBOX_ARCHITECTURE']}\r\n")
    # The shell follows changes of the terminal's size.
    somebody.type("stty size\r")
    # Before a program's output, bash ends the bracketed paste mode.
    somebody.expect("\r\n?24 80\r\n")
    somebody.resize(50, 132)
    # The size changes asynchronously, and the shell may redraw its line before the output.
    somebody.type("until stty size | grep -x '50 132'; do sleep 0.1; done\r")
    somebody.expect("50 132\r\n")
    # ^C ends the running program, not the shell. The quotes tell the output from the terminal's echo.
    somebody.type("echo be'gin'; sleep 600\r")
    somebody.expect("begin\r\n")
    somebody.type("\x03")
    somebody.type("echo ended by $?\r")
    somebody.expect("\r\n?ended by 130\r\n")
    # Control sequences pass unchanged.
    somebody.type("printf '\\033[31mred\\033[0m\\n'\r")
    somebody.expect("\x1b\\[31mred\x1b\\[0m")
    somebody.type("exit 7\r")
    assert somebody.end() == 7


def test_end_of_input_ends_the_shell(somebody: _Person) -> None:
    somebody.type("\x04")
    assert somebody.end() == 0


def test_escape_keys_end_the_shell(somebody: _Person) -> None:
    somebody.type("echo here; sleep 600\r")
    somebody.expect("\r\n?here\r\n")
    somebody.type("\r~.")
    assert somebody.end() == 125


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_restores_terminal(somebody: _Person, number: signal.Signals) -> None:
    assert termios.tcgetattr(somebody.tty) != somebody.before
    somebody.process.send_signal(number)
    assert somebody.end() == 128 + number


def test_death_of_guest_restores_terminal(somebody: _Person) -> None:
    (qemu,) = program.qemus(somebody.process.pid)
    os.kill(qemu, signal.SIGKILL)
    assert somebody.end() == 125
    assert "shell: " in somebody.seen and "the machine ended" in somebody.seen


def test_shell_runs_code_on_terminal() -> None:
    with _person("shell", "--noconsole", "--code", "test -t 0 && test -t 1 && stty size; exit 4") as person:
        person.expect("^24 80\r\n")
        assert person.end() == 4


def test_several_commands_use_one_guest(tmp_path: pathlib.Path) -> None:
    name = f"test-{os.getpid()}"
    (tmp_path / "in").write_text("in and out\n")
    with _person("boot", f"--name={name}") as boot:
        boot.expect(r"\[guest-agent\] ")
        assert f"guest {name}: image\n" in program.run("list").stdout
        assert program.run("cp", "in", f"{name}:directory/", directory=tmp_path).returncode == 0
        code = "cat directory/in; touch directory/$'a\\nb'; ln -s /etc directory/l"
        done = program.run("run", f"--guest={name}", "--code", code)
        assert (done.stdout, done.stderr, done.returncode) == ("in and out\n", "", 0)
        assert program.run("ls", f"{name}:directory").stdout.splitlines()[0] == " 0 a\\nb"
        assert program.run("cp", f"{name}:directory/in", "out", directory=tmp_path).returncode == 0
        assert (tmp_path / "out").read_text() == "in and out\n"
        # A directory is copied without links and special files.
        (tmp_path / "tree/deep").mkdir(parents=True)
        (tmp_path / "tree/deep/file").write_text("deep\n")
        assert program.run("cp", "tree", f"{name}:directory/", directory=tmp_path).returncode == 0
        code = "ln -s /etc/passwd directory/tree/link; mkfifo directory/tree/pipe"
        program.run("run", f"--guest={name}", "--code", code)
        copied = program.run("cp", f"{name}:directory/tree", "back", directory=tmp_path)
        assert (copied.returncode, copied.stderr.count("skipped")) == (0, 2), copied
        assert [path.name for path in (tmp_path / "back").rglob("*")] == ["deep", "file"]
        assert (tmp_path / "back/deep/file").read_text() == "deep\n"
        # The guest rejects the path.
        refused = program.run("cp", f"{name}:../../etc/passwd", "out", directory=tmp_path)
        assert (refused.returncode, refused.stderr.count("\n")) == (125, 1)
        assert (tmp_path / "out").read_text() == "in and out\n"
        with _person("shell", f"--guest={name}") as person:
            person.expect(r"\$ ")
            busy = program.run("run", f"--guest={name}", "--code", "true")
            assert (busy.returncode, "another command uses the guest" in busy.stderr) == (1, True)
            person.type("exit\r")
            assert person.end() == 0
        with subprocess.Popen(program.command("console", name), stderr=subprocess.PIPE, text=True) as console:
            assert console.stderr
            while "[guest-agent] " not in console.stderr.readline():
                pass
            boot.type("\x03")
            assert boot.end() == 130
            assert console.wait(PATIENCE) == 0
    assert name not in program.run("list").stdout
