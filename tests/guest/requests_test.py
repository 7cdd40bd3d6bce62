# pyright: basic
"""Files, packages and control of a booted guest, as hosts ask for them."""

from __future__ import annotations

import base64
import json
import time

import pytest

from tests.guest.booted import Booted, booted

__all__ = ["booted"]


def test_hello_has_the_protocol_and_the_boot_ledger(booted: Booted) -> None:
    answer = booted.wait(booted.agent.hello(99))
    assert answer["protocol"] == 1
    assert answer["boot"]


@pytest.mark.parametrize("size", [0, 5, 128 << 10, 3_000_001])
def test_what_is_written_is_read(booted: Booted, size: int) -> None:
    content = bytes(n * 31 % 253 for n in range(size))
    assert booted.wait(booted.agent.write_file("some/folder/file", content)) == size
    assert booted.wait(booted.agent.read_file("some/folder/file")) == content


def test_files_belong_to_the_user(booted: Booted) -> None:
    booted.wait(booted.agent.write_file("owned/run", b"#!/bin/sh\necho hi\n", executable=True))
    result = booted.run("stat -c '%u %g %a' owned owned/run; owned/run")
    assert result.stdout.split("\n") == ["1000 1000 755", "1000 1000 755", "hi", ""]


def test_folders_are_listed(booted: Booted) -> None:
    booted.run("mkdir -p listed/d; printf abc > listed/f")
    entries = booted.wait(booted.agent.list_files("listed"))
    assert [(e.name, e.is_dir, e.size) for e in entries] == [("d", True, 0), ("f", False, 3)]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "etc/passwd", "shadow"])
def test_paths_stay_in_the_home(booted: Booted, path: str) -> None:
    booted.run("ln -sfn /etc etc; ln -sfn /etc/shadow shadow")
    assert booted.error(booted.agent.read_file(path)) == "path_error"


def test_files_of_root_are_not_read_through_the_home(booted: Booted) -> None:
    """What the user may not read, the agent does not read for a host."""
    booted.run("echo secret > closed; chmod 0 closed")
    assert booted.error(booted.agent.read_file("closed")) == "io_error"


def test_stat_mkdir_move_remove(booted: Booted) -> None:
    agent = booted.agent
    booted.wait(agent.mkdir("x/y"))
    booted.wait(agent.move("x/y", "x/z"))
    assert booted.wait(agent.stat("x/z"))["kind"] == "directory"
    booted.wait(agent.remove("x", recursive=True))
    assert booted.error(agent.stat("x")) == "io_error"


@pytest.mark.parametrize("package", ["six", "../six==1", "--index-url==1", "six==1;id"])
def test_packages_are_checked(booted: Booted, package: str) -> None:
    assert booted.error(booted.agent.install_packages("python", [package])) == "package_error"


def test_input_and_signals(booted: Booted) -> None:
    async def talk() -> list[tuple[str, object]]:
        agent = booted.agent
        code = "read a; echo got $a; trap 'exit 7' USR1; echo up; while :; do sleep 0.1; done"
        request = {"action": "exec", "language": "raw", "code": code, "op_id": "talk", "stdin": True, "timeout": 60}
        await agent._post(**request)
        await agent.stdin("talk", b"one\n")
        seen: list[tuple[str, object]] = []
        output = ""
        while not seen or seen[-1][0] != "complete":
            message = await agent.receive(60)
            if message["type"] == "stdout":
                output += message["chunk"]
                if output.endswith("up\n"):
                    await agent.signal("talk", 10)
            elif message["type"] != "stderr":  # The shell tells that its sleep died of the signal as well.
                seen.append((message["type"], message.get("action", message.get("exit_code"))))
        assert output == "got one\nup\n"
        return seen

    assert booted.wait(talk()) == [("ack", "stdin"), ("ack", "signal"), ("complete", 7)]


def test_cancel(booted: Booted) -> None:
    async def end() -> int:
        agent = booted.agent
        await agent._post("exec", language="raw", code="trap '' TERM; sleep 600", op_id="c", timeout=300)
        await agent.cancel("c")
        assert (await agent.receive(60))["action"] == "cancel"
        return int((await agent.receive(60))["exit_code"])

    assert booted.wait(end()) == 137


def test_terminal(booted: Booted) -> None:
    """A shell that believes that a person sits before it."""

    async def talk() -> str:
        agent = booted.agent
        output = ""

        async def post(**fields: object) -> None:
            await agent.send(json.dumps({"op_id": "shell", **fields}).encode() + b"\n")

        async def type_in(text: str, until: str) -> None:
            nonlocal output
            data = base64.b64encode(text.encode()).decode()
            await post(action="stdin", data=data)
            while until not in output:
                message = await agent.receive(60)
                assert message["type"] in ("stdout", "ack"), message
                output += message.get("chunk", "")

        size = {"rows": 24, "cols": 80}
        await post(action="exec", language="raw", code="exec bash --norc -i", pty=size, timeout=240)
        # The quotes keep what the terminal echoes apart from what the command prints.
        await type_in("stat -c '%u %g %a' $(tty); echo 'on'e\n", "one\r\n")
        await post(action="resize", rows=40, cols=100)
        await type_in("stty size; echo tw'o'\n", "two\r\n")
        # Job control, which needs the controlling terminal: ^C ends the sleep, not the shell.
        await type_in("sleep 600; echo 'interrupte'd $?\n", "echo 'interrupte'd $?\r\n")
        time.sleep(1)
        await type_in("\x03", "^C")
        await type_in("grep devpts /proc/mounts; echo 'thre'e\n", "three\r\n")
        await type_in("exit 5\n", "exit 5")
        while (message := await agent.receive(60))["type"] == "stdout" or message["type"] == "ack":
            pass
        assert (message["type"], message.get("exit_code")) == ("complete", 5)
        return output

    output = booted.wait(talk())
    assert "\r\n1000 5 620\r\n" in output
    assert "\r\n40 100\r\n" in output
    assert "gid=5,mode=620,ptmxmode=666" in output


def test_terminal_without_end_waits_for_the_host(booted: Booted) -> None:
    """More than any limit of a program without a terminal; the host's memory is the host's business."""

    async def read() -> int:
        code = "head -c 3000000 /dev/zero"
        request = {"action": "exec", "language": "raw", "code": code, "pty": {"rows": 24, "cols": 80}, "timeout": 240}
        await booted.agent.send(json.dumps(request).encode() + b"\n")
        time.sleep(2)
        length = 0
        while (message := await booted.agent.receive(60))["type"] == "stdout":
            length += len(message["chunk"])
        assert message["exit_code"] == 0
        return length

    assert booted.wait(read()) == 3_000_000


def test_seed_and_metrics(booted: Booted) -> None:
    assert booted.wait(booted.agent.reseed(bytes(range(32))))
    metrics = booted.wait(booted.agent.metrics())
    assert metrics["swap_total_kib"] > 0
    assert metrics["agent_rss_kib"] < 16 << 10


def test_clock_is_set(booted: Booted) -> None:
    now = time.time_ns()
    assert abs(booted.wait(booted.agent.clock(now)) - now) < 60_000_000_000


def test_zz_shutdown_ends_the_machine(booted: Booted) -> None:
    """The last test: there is no guest after it."""
    booted.wait(booted.agent.shutdown())
    assert booted.wait(booted.machine.wait(60)) == 0
