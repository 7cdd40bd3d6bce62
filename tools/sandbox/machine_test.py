"""QEMU's command line, and the handling of a guest's output."""

from __future__ import annotations

import asyncio
import os
import pathlib
import time

import pytest

from tools.sandbox import agent, errors, machine


def _guest(qemu: str = "qemu", **changes: object) -> machine.Guest:
    fields: dict[str, object] = {
        "architecture": "x86_64",
        "qemu": pathlib.Path(qemu),
        "kernel": pathlib.Path("vmlinuz"),
        "initramfs": pathlib.Path("initramfs"),
        "disk": pathlib.Path("disk.qcow2"),
    }
    return machine.Guest(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("architecture", "words"),
    # Debian's kernel must not test its timer on x86_64.
    [("aarch64", "console=ttyAMA0 panic=-1"), ("x86_64", "console=ttyS0 panic=-1 no_timer_check")],
)
def test_kernel_gets_its_command_line(architecture: str, words: str) -> None:
    assert words in machine.command(_guest(architecture=architecture), pathlib.Path("/tmp/x"))


def test_microvm_has_its_devices_on_mmio() -> None:
    line = machine.command(_guest(machine="microvm"), pathlib.Path("/tmp/x"))
    assert "microvm,acpi=off,x-option-roms=off" in line and "console=ttyS0 panic=-1 reboot=t" in line
    assert {"virtio-blk-device,drive=base,serial=base", "virtio-serial-device"} < set(line)
    assert not [word for word in line if "pci" in word]


@pytest.mark.parametrize("status", [0, 1])
def test_qemu_is_confined_if_possible(tmp_path: pathlib.Path, status: int) -> None:
    qemu = _script(tmp_path, f'case "$*" in *-version) exit {status};; esac; echo "$*"')

    async def boot() -> str:
        async with machine.Machine(_guest(qemu)) as running:
            await running.wait(60)
            return running.console()

    assert ("-sandbox on,obsolete=deny" in asyncio.run(boot())) == (status == 0)


def test_disk_is_read_only() -> None:
    (drive,) = [word for word in machine.command(_guest(), pathlib.Path("/tmp/x")) if "disk.qcow2" in word]
    assert "snapshot=on" in drive


def test_commas_in_paths_are_escaped() -> None:
    line = machine.command(_guest(disk=pathlib.Path("/a,b/disk")), pathlib.Path("/tmp/x,y"))
    assert any(word.endswith(",file=/a,,b/disk") for word in line)
    assert any(",path=/tmp/x,,y/port1," in word for word in line)
    # Arguments that are plain paths, without options.
    line = machine.command(_guest(kernel=pathlib.Path("/a,b/k")), pathlib.Path("/tmp/x"))
    assert line[line.index("-kernel") + 1] == "/a,b/k"


def test_ports_are_named_in_order() -> None:
    line = " ".join(machine.command(_guest(), pathlib.Path("/tmp/x")))
    assert "chardev=port0,name=org.dualeai.cmd,nr=1" in line
    assert "chardev=port1,name=org.dualeai.event,nr=2" in line


def test_guest_may_lack_disk_and_ports() -> None:
    line = " ".join(machine.command(_guest(disk=None, ports=()), pathlib.Path("/tmp/x")))
    assert "virtio" not in line


def _script(directory: pathlib.Path, text: str) -> str:
    path = directory / "qemu"
    # A QEMU without seccomp, unless the script handles -version itself.
    early = "" if "-version" in text else 'case "$*" in *-version) exit 1;; esac\n'
    path.write_text(f"#!/bin/sh\n{early}{text}")
    path.chmod(0o755)
    return str(path)


def test_error_has_the_words_of_qemu(tmp_path: pathlib.Path) -> None:
    async def boot() -> None:
        async with machine.Machine(_guest(_script(tmp_path, "echo no such machine >&2; exit 3"))) as running:
            await agent.Agent(running).__aenter__()

    with pytest.raises(errors.MachineError) as caught:
        asyncio.run(boot())
    assert "QEMU ended (exit code 3)" in str(caught.value)
    assert "no such machine" in str(caught.value)


def test_endless_output_is_bounded_on_the_host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_MOST_CONSOLE", 1 << 20)
    lines = "printf '%1000s\\n' x; printf '%1000s\\n' y >&2"
    flood = f"i=0; while [ $i -lt 3000 ]; do {lines}; i=$((i + 1)); done; echo last; echo words >&2"

    async def boot() -> str:
        async with machine.Machine(_guest(_script(tmp_path, flood))) as running:
            assert await running.wait(60) == 0
            error = str(running.error("it ended"))
            sizes = {path.name: path.stat().st_size for path in running.directory.iterdir()}
            assert sizes.keys() == {"console", "console.old", "qemu", "qemu.old"}
            assert sizes["console"] + sizes["console.old"] <= 1 << 20
            assert sizes["qemu"] + sizes["qemu.old"] <= 256 << 10
            # The latest output is there.
            assert running.console().endswith(" x\nlast\n")
            return error

    error = asyncio.run(boot())
    assert "\nwords\n" in error and error.endswith("\nlast")


def test_console_is_read_without_the_event_loop(tmp_path: pathlib.Path) -> None:
    """More than the capacity of a pipe, without a turn of the event loop."""
    end = tmp_path / "end"

    async def boot() -> None:
        script = f"head -c 1000000 /dev/zero | tr '\\0' z; echo; touch {end}; exec sleep 600"
        async with machine.Machine(_guest(_script(tmp_path, script))) as running:
            while not end.exists():
                time.sleep(0.01)
            assert running.console() == "z" * 1_000_000 + "\n"

    asyncio.run(boot())


def test_program_that_does_not_start_leaves_nothing(tmp_path: pathlib.Path) -> None:
    async def boot() -> None:
        async with machine.Machine(_guest(str(tmp_path / "nothing")), tmp_path):
            pass

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        asyncio.run(boot())
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("given", "large", "used"),
    [
        (None, "large", "large"),
        ("given", "large", "given"),
        ("nothing", "large", "large"),
        # QEMU replaces it by /var/tmp, which may be read-only.
        ("/tmp", "nothing", ""),
        (None, "nothing", ""),
    ],
)
def test_written_blocks_go_to_a_directory_for_large_files(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, given: str | None, large: str, used: str
) -> None:
    for name in ("given", "large", "own"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(machine, "_LARGE_FILES", tmp_path / large)
    monkeypatch.delenv("TMPDIR", raising=False)
    if given:
        monkeypatch.setenv("TMPDIR", str(tmp_path / given))

    async def boot() -> str:
        async with machine.Machine(_guest(_script(tmp_path, "echo $TMPDIR")), tmp_path / "own") as running:
            await running.wait(60)
            return running.console()

    assert asyncio.run(boot()) == f"{tmp_path / (used or 'own')}\n"


def test_cpu_seconds_count_the_work_of_the_machine(tmp_path: pathlib.Path) -> None:
    async def boot() -> tuple[float, float]:
        work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exec sleep 600"
        async with machine.Machine(_guest(_script(tmp_path, work))) as running:
            begun = time.monotonic()
            while "done" not in running.console():
                await asyncio.sleep(0.01)
            return running.cpu_seconds, time.monotonic() - begun

    cpu, elapsed = asyncio.run(boot())
    assert 0.01 < cpu < elapsed + 1


def test_running_machine_is_ended(tmp_path: pathlib.Path) -> None:
    async def boot() -> machine.Machine:
        async with machine.Machine(_guest(_script(tmp_path, "exec sleep 600"))) as running:
            with pytest.raises(errors.MachineError, match="still runs after 0 s"):
                await running.wait(0.2)
            return running

    assert not asyncio.run(boot()).running
