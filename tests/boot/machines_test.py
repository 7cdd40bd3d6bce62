"""Test that Debian's kernel boots an image on the machines of other hosts (`hosts.py`)."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tests.boot import guest, hosts
from tools.sandbox.agent import Agent

_X86_64 = pytest.mark.skipif(hosts.ARCHITECTURE != "x86_64", reason="of x86_64 only")

_SUFFIX = hosts.suffix(None)


def test_drivers_load_for_devices_without_host_options(directory: pathlib.Path) -> None:
    devices = (
        *("-netdev", "hubport,id=net0,hubid=0", "-device", f"virtio-net-{_SUFFIX},netdev=net0"),
        *("-device", f"virtio-balloon-{_SUFFIX}", "-device", f"virtio-rng-{_SUFFIX}"),
    )
    code = (
        "cd /sys/bus/virtio/devices; for d in *; do echo $(cat $d/device) $(basename $(readlink $d/driver)); done; "
        "cat /sys/class/misc/hw_random/rng_current; head -1 /proc/sys/kernel/panic"
    )
    drivers = hosts.run(hosts.Host(devices=devices), directory, code).splitlines()
    assert sorted(drivers[:-2]) == [
        "0x0001 virtio_net",
        "0x0002 virtio_blk",
        "0x0003 virtio_console",
        "0x0004 virtio_rng",
        "0x0005 virtio_balloon",
    ]
    # Without `panic=` the kernel would hang after a panic.
    assert drivers[-2:] == ["virtio_rng.0", "-1"]


def test_options_of_older_hosts_load_drivers_without_devices(directory: pathlib.Path) -> None:
    host = hosts.Host(command_line="init.net=1 init.balloon=1 panic=7")
    code = "cd /sys/module; echo virtio_[a-z]*; cat /proc/sys/kernel/panic"
    modules, panic = hosts.run(host, directory, code).splitlines()
    assert {"virtio_net", "virtio_balloon"} <= set(modules.split())
    assert "virtio_rng" not in modules.split()
    # The host's choice wins.
    assert panic == "7"


def test_hvc0_alone_shows_the_whole_boot(directory: pathlib.Path) -> None:
    hosts.run(hosts.Host(command_line="console=hvc0", console="hvc0"), directory, "true")
    console = (directory / "console").read_text()
    for line in ("[init] stage kernel", "[init] started", "[init] stage switch", "[guest-agent] ready"):
        assert console.count(line) == 1


def test_guest_without_any_console_boots(directory: pathlib.Path) -> None:
    assert hosts.run(hosts.Host(console="none"), directory, "echo $((6 * 7))") == "42\n"


def test_guest_of_128_mib_boots(directory: pathlib.Path) -> None:
    total, swap = hosts.run(
        hosts.Host(memory=128), directory, "awk '/MemTotal|SwapTotal/ { print $2 }' /proc/meminfo"
    ).split()
    assert int(total) < 128 << 10
    assert int(swap) > int(total) // 3


def test_root_disk_is_base_whatever_its_name(directory: pathlib.Path) -> None:
    other = directory / "other.img"
    other.write_bytes(bytes(1 << 20))
    disk = guest.from_environment().disk
    assert disk
    roots: set[str] = set()
    for order in ([(disk, "base"), (other, "snap")], [(other, "snap"), (disk, "base")]):
        inner = directory / order[0][1]
        inner.mkdir()
        # The root is the base disk, which the kernel opened read-only.
        code = "cd /sys/block; for d in vd?; do echo $d $(cat $d/serial) $(cat $d/ro); done"
        disks = [line.split() for line in hosts.run(hosts.Host(disks=order), inner, code).splitlines()]
        (root,) = (disk for disk, serial, read_only in disks if (serial, read_only) == ("base", "1"))
        roots.add(root)
    # In whatever order the kernel finds disks, one of the two orders has the other disk first.
    assert roots == {"vda", "vdb"}


@_X86_64
def test_shutdown_without_acpi_ends_qemu(directory: pathlib.Path) -> None:
    async def boot() -> int:
        host = hosts.Host(command_line="acpi=off")
        async with hosts.HostedMachine(host, directory) as running, Agent(running) as agent:
            await agent.ping(hosts.WAIT)
            kind = await agent.run("raw", "ls -d /sys/firmware/acpi; cat /sys/kernel/reboot/type")
            assert kind.stdout == "triple\n"
            await agent.shutdown()
            return await running.wait(60)

    assert asyncio.run(boot()) == 0


@_X86_64
def test_panic_without_acpi_ends_qemu(directory: pathlib.Path) -> None:
    async def boot() -> str:
        blank = directory / "blank.img"
        blank.write_bytes(bytes(1 << 20))
        host = hosts.Host(command_line="acpi=off console=ttyS0", disks=[(blank, "base")])
        async with hosts.HostedMachine(host, directory) as running:
            assert await running.wait(hosts.WAIT) == 0
            return running.console()

    assert "Kernel panic" in asyncio.run(boot())
