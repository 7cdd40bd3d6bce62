"""QEMU's command line, and what is made of a guest's output."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tools.sandbox import agent, errors, machine, text


def _guest(qemu: str = "qemu", **changes: object) -> machine.Guest:
    fields: dict[str, object] = {
        "architecture": "x86_64",
        "qemu": pathlib.Path(qemu),
        "kernel": pathlib.Path("vmlinuz"),
        "initramfs": pathlib.Path("initramfs"),
        "disk": pathlib.Path("disk.qcow2"),
    }
    return machine.Guest(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("architecture", "console"), [("aarch64", "ttyAMA0"), ("x86_64", "ttyS0")])
def test_kernel_gets_its_console(architecture: str, console: str) -> None:
    line = machine.command(_guest(architecture=architecture), pathlib.Path("/tmp/x"))
    assert f"console={console} panic=-1" in line


def test_disk_is_never_written_to() -> None:
    (drive,) = [word for word in machine.command(_guest(), pathlib.Path("/tmp/x")) if "disk.qcow2" in word]
    assert "snapshot=on" in drive


def test_ports_are_named_and_in_order() -> None:
    line = " ".join(machine.command(_guest(), pathlib.Path("/tmp/x")))
    assert "chardev=port0,name=org.dualeai.cmd,nr=1" in line
    assert "chardev=port1,name=org.dualeai.event,nr=2" in line


def test_guest_without_disk_and_ports_has_none() -> None:
    line = " ".join(machine.command(_guest(disk=None, ports=()), pathlib.Path("/tmp/x")))
    assert "virtio" not in line


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"plain\r\n", "plain\n"),
        (b"\x1b[2J\x1b[31mred\x1b[0m", "red"),
        (b"bell\x07 nul\x00 c1\xc2\x9b", "bell nul c1"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"fake\rline", "fakeline"),
    ],
)
def test_output_is_made_safe(output: bytes, shown: str) -> None:
    assert text.printable(output) == shown


def _script(folder: pathlib.Path, text: str) -> str:
    path = folder / "qemu"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_end_of_qemu_is_told_with_its_words(tmp_path: pathlib.Path) -> None:
    async def boot() -> None:
        async with machine.Machine(_guest(_script(tmp_path, "echo no such machine >&2; exit 3"))) as running:
            await agent.Agent(running).__aenter__()

    with pytest.raises(errors.MachineError) as caught:
        asyncio.run(boot())
    assert "QEMU ended (exit code 3)" in str(caught.value)
    assert "no such machine" in str(caught.value)


def test_machine_that_stays_is_ended(tmp_path: pathlib.Path) -> None:
    async def boot() -> machine.Machine:
        async with machine.Machine(_guest(_script(tmp_path, "exec sleep 600"))) as running:
            with pytest.raises(errors.MachineError, match="still runs after 0 s"):
                await running.wait(0.2)
            return running

    assert not asyncio.run(boot()).running
