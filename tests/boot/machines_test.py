"""An image boots on the machines that other hosts make: other devices, other consoles, less memory, no ACPI.

The command line of QEMU is this test's own: what `tools/sandbox` gives a guest hides what other hosts leave out.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from tests.boot import guest
from tools.sandbox import machine
from tools.sandbox.agent import Agent

# Seconds for a boot, or for its end, under software emulation on a slow, busy machine.
_WAIT = 240

_ARCHITECTURE = os.environ["SANDBOX_ARCHITECTURE"]

_X86_64 = pytest.mark.skipif(_ARCHITECTURE != "x86_64", reason="of x86_64 only")

# The kernel finds devices of virtio-mmio on ARM by itself; on x86_64 not every kernel does.
_SUFFIX = {"aarch64": "device", "x86_64": "pci"}[_ARCHITECTURE]


@dataclasses.dataclass(frozen=True)
class _Host:
    """What a host gives a guest.

    Attributes:
        command_line: the kernel's command line.
        memory: MiB of RAM.
        console: serial, hvc0 or none.
        disks: pairs of file and serial, in the order of QEMU's command line; a file of another name is raw.
        devices: further arguments of QEMU.
    """

    command_line: str = ""
    memory: int = 512
    console: str = "serial"
    disks: Sequence[tuple[pathlib.Path, str]] = ()
    devices: Sequence[str] = ()


class _Machine(machine.Machine):
    """A guest of such a host."""

    def __init__(self, host: _Host, folder: pathlib.Path) -> None:
        super().__init__(guest.from_environment(), folder)
        self._host = host

    async def __aenter__(self) -> _Machine:
        folder = self._folder
        assert folder
        self.folder = folder
        with open(folder / "qemu", "wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"TMPDIR": str(folder)},
                preexec_fn=machine.die_with_parent,
            )
        return self

    def _command(self, folder: pathlib.Path) -> list[str]:
        host, described = self._host, self.guest
        kind = machine.ARCHITECTURES[described.architecture]
        command = [
            *(str(described.qemu), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-accel", "tcg", "-M", kind.machine, "-cpu", kind.cpu, "-m", f"{host.memory}M"),
            *("-kernel", str(described.kernel), "-initrd", str(described.initramfs)),
            *("-append", host.command_line),
            *("-device", f"virtio-serial-{_SUFFIX},id=serial"),
            *("-serial", f"file:{folder}/console" if host.console == "serial" else "none"),
        ]
        if host.console == "hvc0":
            command += [
                *("-chardev", f"file,id=hvc0,path={folder}/console"),
                *("-device", "virtconsole,chardev=hvc0,nr=0"),
            ]
        for index, (path, serial) in enumerate(host.disks or [(described.disk, "base")]):
            kind_of_file = "qcow2" if str(path).endswith(".qcow2") else "raw"
            command += [
                *("-drive", f"id=disk{index},if=none,format={kind_of_file},snapshot=on,file={path}"),
                *("-device", f"virtio-blk-{_SUFFIX},drive=disk{index},serial={serial}"),
            ]
        for index, port in enumerate((machine.COMMAND_PORT, machine.EVENT_PORT)):
            command += [
                *("-chardev", f"socket,id=port{index},path={folder}/port{index},server=on,wait=off"),
                *("-device", f"virtserialport,chardev=port{index},name={port},nr={index + 1}"),
            ]
        return [*command, *host.devices]


def _run(host: _Host, folder: pathlib.Path, code: str) -> str:
    """Boots a guest, runs a shell's program in it and returns what that printed."""

    async def boot() -> str:
        async with _Machine(host, folder) as running, Agent(running) as agent:
            await agent.ping(_WAIT)
            done = await agent.run("raw", code)
            assert (done.stderr, done.exit_code) == ("", 0)
            return done.stdout

    return asyncio.run(boot())


@pytest.fixture
def folder() -> Iterator[pathlib.Path]:
    """Makes a directory whose path is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="machines.", dir="/tmp") as path:
        yield pathlib.Path(path)


def test_drivers_follow_devices_without_a_word_of_the_host(folder: pathlib.Path) -> None:
    devices = (
        *("-netdev", "hubport,id=net0,hubid=0", "-device", f"virtio-net-{_SUFFIX},netdev=net0"),
        *("-device", f"virtio-balloon-{_SUFFIX}", "-device", f"virtio-rng-{_SUFFIX}"),
    )
    code = (
        "cd /sys/bus/virtio/devices; for d in *; do echo $(cat $d/device) $(basename $(readlink $d/driver)); done; "
        "cat /sys/class/misc/hw_random/rng_current; head -1 /proc/sys/kernel/panic"
    )
    drivers = _run(_Host(devices=devices), folder, code).splitlines()
    assert sorted(drivers[:-2]) == [
        "0x0001 virtio_net",
        "0x0002 virtio_blk",
        "0x0003 virtio_console",
        "0x0004 virtio_rng",
        "0x0005 virtio_balloon",
    ]
    # Without `panic=` a kernel would stand still for ever after a panic.
    assert drivers[-2:] == ["virtio_rng.0", "-1"]


def test_words_of_older_hosts_load_drivers_without_devices(folder: pathlib.Path) -> None:
    host = _Host(command_line="init.net=1 init.balloon=1 panic=7")
    code = "cd /sys/module; echo virtio_[a-z]*; cat /proc/sys/kernel/panic"
    modules, panic = _run(host, folder, code).splitlines()
    assert {"virtio_net", "virtio_balloon"} <= set(modules.split())
    assert "virtio_rng" not in modules.split()
    # What the host has chosen stays.
    assert panic == "7"


def test_hvc0_alone_shows_the_whole_boot(folder: pathlib.Path) -> None:
    _run(_Host(command_line="console=hvc0", console="hvc0"), folder, "true")
    console = (folder / "console").read_text()
    for line in ("[init] stage kernel", "[init] started", "[init] stage switch", "[guest-agent] ready"):
        assert console.count(line) == 1


def test_guest_without_any_console_boots(folder: pathlib.Path) -> None:
    assert _run(_Host(console="none"), folder, "echo $((6 * 7))") == "42\n"


def test_guest_of_128_mib_boots(folder: pathlib.Path) -> None:
    total, swap = _run(_Host(memory=128), folder, "awk '/MemTotal|SwapTotal/ { print $2 }' /proc/meminfo").split()
    assert int(total) < 128 << 10
    assert int(swap) > int(total) // 3


def test_root_disk_is_base_whatever_its_name(folder: pathlib.Path) -> None:
    other = folder / "other.img"
    other.write_bytes(bytes(1 << 20))
    disk = guest.from_environment().disk
    assert disk
    roots: set[str] = set()
    for order in ([(disk, "base"), (other, "snap")], [(other, "snap"), (disk, "base")]):
        inner = folder / order[0][1]
        inner.mkdir()
        code = (
            "name=$(awk '$2 == \"/\" { print $1 }' /proc/mounts); name=${name#/dev/}; "
            "echo $name $(cat /sys/block/$name/serial)"
        )
        name, serial = _run(_Host(disks=order), inner, code).split()
        assert serial == "base"
        roots.add(name)
    # Whichever way round the kernel finds disks, one of the orders has the other disk first.
    assert roots == {"vda", "vdb"}


@_X86_64
def test_shutdown_without_acpi_ends_qemu(folder: pathlib.Path) -> None:
    async def boot() -> int:
        async with _Machine(_Host(command_line="acpi=off"), folder) as running, Agent(running) as agent:
            await agent.ping(_WAIT)
            kind = await agent.run("raw", "ls -d /sys/firmware/acpi; cat /sys/kernel/reboot/type")
            assert kind.stdout == "triple\n"
            await agent.shutdown()
            return await running.wait(60)

    assert asyncio.run(boot()) == 0


@_X86_64
def test_panic_without_acpi_ends_qemu(folder: pathlib.Path) -> None:
    async def boot() -> str:
        blank = folder / "blank.img"
        blank.write_bytes(bytes(1 << 20))
        host = _Host(command_line="acpi=off console=ttyS0", disks=[(blank, "base")])
        async with _Machine(host, folder) as running:
            assert await running.wait(_WAIT) == 0
            return running.console()

    assert "Kernel panic" in asyncio.run(boot())
