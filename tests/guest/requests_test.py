"""Files, packages and control of a booted guest, as hosts ask for them."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from collections.abc import Mapping
from typing import Any
from unittest import mock

import pytest

from tests.guest.booted import PATIENCE, Booted, booted
from tools.sandbox import errors, responses
from tools.sandbox.program import Pty

__all__ = ["booted"]


def test_hello_returns_protocol_and_boot_ledger(booted: Booted) -> None:
    answer = booted.wait(booted.agent.hello(99))
    assert answer.protocol == 1
    assert answer.boot


@pytest.mark.parametrize("size", [0, 5, 128 << 10, 3_000_001])
def test_written_file_is_read_back(booted: Booted, size: int) -> None:
    content = bytes(n * 31 % 253 for n in range(size))
    assert booted.wait(booted.agent.write_file("some/directory/file", content)) == size
    assert booted.wait(booted.agent.read_file("some/directory/file")) == content


def test_files_belong_to_user(booted: Booted) -> None:
    booted.wait(booted.agent.write_file("owned/run", b"#!/bin/sh\necho hi\n", executable=True))
    result = booted.run("stat -c '%u %g %a' owned owned/run; owned/run")
    assert result.stdout.split("\n") == ["1000 1000 755", "1000 1000 755", "hi", ""]


def test_list_returns_entries_of_directory(booted: Booted) -> None:
    booted.run("mkdir -p listed/d; printf abc > listed/f")
    entries = booted.wait(booted.agent.list_files("listed"))
    assert [(e.name, e.is_dir, e.size) for e in entries] == [("d", True, 0), ("f", False, 3)]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "etc/passwd", "shadow"])
def test_rejects_paths_outside_home(booted: Booted, path: str) -> None:
    booted.run("ln -sfn /etc etc; ln -sfn /etc/shadow shadow")
    assert booted.error(booted.agent.read_file(path)) == "path_error"


def test_rejects_file_that_user_cannot_read(booted: Booted) -> None:
    """The agent reads no file for a host that the user may not read."""
    booted.run("echo secret > closed; chmod 0 closed")
    assert booted.error(booted.agent.read_file("closed")) == "io_error"


def test_stat_mkdir_move_remove(booted: Booted) -> None:
    agent = booted.agent
    booted.wait(agent.mkdir("x/y"))
    booted.wait(agent.move("x/y", "x/z"))
    assert booted.wait(agent.stat("x/z")).kind == "directory"
    booted.wait(agent.remove("x", recursive=True))
    assert booted.error(agent.stat("x")) == "io_error"


@pytest.mark.parametrize("package", ["six", "../six==1", "--index-url==1", "six==1;id"])
def test_rejects_invalid_packages(booted: Booted, package: str) -> None:
    assert booted.error(booted.agent.install_packages("python", [package])) == "package_error"


def test_program_receives_input_and_signals(booted: Booted) -> None:
    async def talk() -> tuple[str, int]:
        code = "read a; echo got $a; trap 'exit 7' USR1; echo up; while :; do sleep 0.1; done"
        async with booted.agent.start("raw", code, timeout=PATIENCE, stdin=True) as program:
            await program.write(b"one\n")
            seen = ""
            async for output in program:
                # The shell tells that its sleep died of the signal as well.
                seen += output.chunk if output.stream == "stdout" else ""
                if seen.endswith("up\n"):
                    await program.signal(signal.SIGUSR1)
                    break
            return seen, (await program.wait()).exit_code

    assert booted.wait(talk()) == ("got one\nup\n", 7)


def test_host_waits_while_input_buffer_is_full(booted: Booted) -> None:
    """The host stops sending until the program reads."""
    content = bytes(n * 31 % 253 for n in range(5_000_000))
    asked = asyncio.Event()

    async def talk() -> str:
        connection = booted.agent.connection
        send = connection.send

        async def watch(request: Mapping[str, Any]) -> None:
            # Without data, it asks how much waits.
            if request["action"] == "stdin" and not request["data"]:
                asked.set()
            await send(request)

        code = "until [ -e go ]; do sleep 0.1; done; sha256sum"
        async with booted.agent.start("raw", code, timeout=PATIENCE, stdin=True) as program:
            with mock.patch.object(connection, "send", watch):
                writing = asyncio.create_task(program.write(content, eof=True))
                async with asyncio.timeout(PATIENCE):
                    await asked.wait()
                assert not writing.done()
                await booted.agent.write_file("go", b"")
                await writing
            return (await program.wait()).stdout

    assert booted.wait(talk()).split()[0] == hashlib.sha256(content).hexdigest()


def test_cancel_ends_program(booted: Booted) -> None:
    async def end() -> int:
        async with booted.agent.start("raw", "trap '' TERM; sleep 600", timeout=PATIENCE) as program:
            await program.cancel()
            return (await program.wait()).exit_code

    assert booted.wait(end()) == 128 + signal.SIGKILL


def test_concurrent_requests_all_succeed(booted: Booted) -> None:
    """More programs than the guest runs at the same time, with files and questions among them."""

    async def ask() -> list[str]:
        agent = booted.agent
        programs = [agent.run("raw", f"sleep 0.5; echo {number}", timeout=PATIENCE) for number in range(20)]
        files = [agent.write_file(f"many/{number}", bytes(number * 1000)) for number in range(20)]
        done, sizes, _ = await asyncio.gather(asyncio.gather(*programs), asyncio.gather(*files), agent.metrics())
        contents = await asyncio.gather(*(agent.read_file(f"many/{number}") for number in range(20)))
        assert sizes == [len(content) for content in contents] == [number * 1000 for number in range(20)]
        return [one.stdout for one in done]

    assert booted.wait(ask()) == [f"{number}\n" for number in range(20)]


# Is `setsid`, which no image has.
_SESSION = "import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])"

# Leaves its session, its parent and its output behind, as daemons do.
_DAEMON = """
import os
for _ in range(2):
    if os.fork():
        os._exit(0)
    os.setsid()
for number in range(3):
    os.dup2(os.open("/dev/null", os.O_RDWR), number)
os.execvp("sleep", ["sleep", "987"])
"""

# A process may end before it is read.
_COUNT = "cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' ' ' | grep -o 'sleep 98[7]' | wc -l"


@pytest.mark.parametrize("end", ["exit", "timeout", "hang up"])
def test_daemons_end_with_their_request(booted: Booted, end: str) -> None:
    booted.wait(booted.agent.write_file("daemon.py", _DAEMON.encode()))
    booted.wait(booted.agent.write_file("session.py", _SESSION.encode()))
    code = "python3 session.py sleep 987 > /dev/null 2>&1 &\n"
    code += "(python3 session.py sh -c 'sleep 987 & wait' > /dev/null 2>&1 &)\n"
    code += f"python3 daemon.py; until [ $({_COUNT}) = 4 ]; do sleep 0.1; done; echo up\n"

    async def begin() -> None:
        connection = booted.agent.connection
        channel = connection.open(None)
        await connection.send({"action": "exec", "language": "raw", "code": code + "sleep 600"})
        output = await channel.receive(PATIENCE)
        assert isinstance(output, responses.Stdout) and output.chunk == "up\n"

    async def time_out(timeout: int) -> str:
        """Return what was printed before the end."""
        seen = ""
        async with booted.agent.start("raw", code + "sleep 600", timeout=timeout) as program:
            with pytest.raises(errors.TimedOutError):
                async for output in program:
                    seen += output.chunk
        return seen

    if end == "exit":
        assert booted.run(code).stdout == "up\n"
    elif end == "timeout":
        # A slow machine takes longer until all of them run.
        assert any(booted.wait(time_out(timeout)) == "up\n" for timeout in (20, 80, PATIENCE))
    else:
        booted.wait(begin())
        booted.hang_up()
        booted.come_back()
    # They were killed, and are gone as soon as each of them had its turn.
    booted.run_until(_COUNT, "0\n")


def test_control_group_limits_processes_and_is_hidden(booted: Booted) -> None:
    # The group's limit is lower than the user's, and the groups are nowhere to be seen, nor changed.
    code = "import os, time\ncount = 0\ntry:\n    while os.fork(): count += 1\n    time.sleep(600)\n"
    code += "except BlockingIOError: print(400 < count < 512)"
    assert booted.run(code, "python").stdout == "True\n"
    result = booted.run("cat /proc/self/cgroup; ls -A /sys/fs/cgroup; grep -c cgroup /proc/mounts")
    assert result.stdout.startswith("0::/program-") and result.stdout.splitlines()[1:] == ["0"], result


def test_terminal_supports_job_control(booted: Booted) -> None:
    """A shell that believes that a person sits before it."""

    async def talk() -> tuple[str, int]:
        seen = ""
        async with booted.agent.start("raw", "exec bash --norc -i", timeout=0, pty=Pty(24, 80)) as shell:
            outputs = aiter(shell)

            async def type_in(text: str, until: str) -> None:
                nonlocal seen
                await shell.write(text.encode())
                try:
                    async with asyncio.timeout(PATIENCE):
                        while until not in seen:
                            seen += (await anext(outputs)).chunk
                except TimeoutError:
                    pytest.fail(f"{until!r} does not follow {text!r} in {seen!r}")

            # The quotes keep what the terminal echoes apart from what the command prints.
            await type_in("stat -c '%u %g %a' $(tty); echo 'on'e\n", "one\r\n")
            await shell.resize(Pty(40, 100))
            await type_in("stty size; echo tw'o'\n", "two\r\n")
            # Job control, which needs the controlling terminal: ^C ends the sleep, not the shell.
            await type_in("sh -c 'echo 'begu'n; exec sleep 600'\n", "begun\r\n")
            await type_in("\x03", "^C")
            await type_in("echo 'interrupte'd $?\n", "interrupted 130\r\n")
            await type_in("grep devpts /proc/mounts; echo 'thre'e\n", "three\r\n")
            await shell.write(b"exit 5\n")
            return seen, (await shell.wait()).exit_code

    seen, exit_code = booted.wait(talk())
    assert exit_code == 5
    assert "\r1000 5 620\r\n" in seen
    assert "\r40 100\r\n" in seen
    assert "gid=5,mode=620,ptmxmode=666" in seen


def test_terminal_output_waits_for_host(booted: Booted) -> None:
    """More than any limit of a program without a terminal, and more than the host keeps for who does not take it."""

    async def read() -> int:
        code = "head -c 12000000 /dev/zero"
        async with booted.agent.start("raw", code, timeout=0, pty=Pty(24, 80)) as program:
            # Nobody takes it meanwhile. However much has come by then, all of it comes in the end.
            await asyncio.sleep(2)
            return len((await program.wait()).stdout)

    assert booted.wait(read()) == 12_000_000


def test_user_code_is_confined(booted: Booted) -> None:
    code = "ulimit -c; ulimit -Hn; ulimit -Hu; umask; cat /proc/self/oom_score_adj; cut -d' ' -f1,5,6 /proc/$$/stat\n"
    code += "grep -E '^(Groups|CapEff|NoNewPrivs)' /proc/self/status; ls -l /proc/$$/fd | grep -c vport"
    lines = booted.run(code).stdout.splitlines()
    assert lines[:5] == ["0", "4096", "1024", "0022", "1000"]
    # It leads a new session and a new process group.
    assert len(set(lines[5].split())) == 1
    assert [line.split() for line in lines[6:9]] == [["Groups:"], ["CapEff:", "0" * 16], ["NoNewPrivs:", "1"]]
    # None of the agent's files is open in it.
    assert lines[9:] == ["0"]


def test_memory_and_swap_are_tuned(booted: Booted) -> None:
    code = "grep MemTotal /proc/meminfo; cat /proc/sys/vm/min_free_kbytes /sys/block/zram0/disksize\n"
    code += "cat /sys/block/zram0/comp_algorithm; cat /proc/swaps"
    lines = booted.run(code).stdout.splitlines()
    total = int(lines[0].split()[1])
    assert int(lines[1]) == total * 4 // 100
    assert abs(int(lines[2]) - total * 1024 * 2 // 5) < 64 << 10
    assert "[lz4]" in lines[3]
    # The device has no name any more.
    assert lines[-1].startswith("/dev/zram0\\040(deleted) ") and lines[-1].split()[-1] == "100"


def test_boot_ledger_has_every_stage(booted: Booted) -> None:
    stages = dict(stage.split("=") for stage in booted.wait(booted.agent.hello()).boot.split(","))
    assert list(stages) == ["kernel", "mounts", "modules", "ports", "disk", "root", "switch"]
    assert all(int(microseconds) >= 0 for microseconds in stages.values())


def test_agent_accepts_seed_and_reports_metrics(booted: Booted) -> None:
    assert booted.wait(booted.agent.reseed(bytes(range(32))))
    metrics = booted.wait(booted.agent.metrics())
    assert metrics.swap_total_kib > 0
    assert metrics.agent_rss_kib < 16 << 10


def test_clock_sets_time_of_guest(booted: Booted) -> None:
    then, begun = time.time_ns() - 400 * 86_400 * 1_000_000_000, time.monotonic_ns()
    said = booted.wait(booted.agent.clock(then))
    # The guest's clock went on for as long as the host waited for the answer, at most.
    assert then <= said <= then + (time.monotonic_ns() - begun) + 1_000_000_000
    assert booted.run("date +%s").stdout.strip() >= str(then // 1_000_000_000)
    booted.wait(booted.agent.clock(time.time_ns()))


def test_zz_shutdown_ends_the_machine(booted: Booted) -> None:
    """The last test: there is no guest after it."""
    booted.wait(booted.agent.shutdown())
    assert booted.wait(booted.machine.wait(PATIENCE)) == 0
