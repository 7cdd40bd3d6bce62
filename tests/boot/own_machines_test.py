"""Test that the images' kernel boots an image on the machines of other hosts (`hosts.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Generator

import pytest

from tests.boot import guest, hosts
from tools.sandbox import machine
from tools.sandbox.agent import Agent

pytestmark = pytest.mark.parametrize("name", sorted(machine.ARCHITECTURES[hosts.ARCHITECTURE].models))

_SERIAL = "console=" + machine.ARCHITECTURES[hosts.ARCHITECTURE].console


def _disk() -> pathlib.Path:
    disk = guest.from_environment().disk
    assert disk
    return disk


def test_drivers_follow_devices(name: str, directory: pathlib.Path) -> None:
    bus = hosts.suffix(name)
    devices = (
        *("-netdev", "hubport,id=net0,hubid=0", "-device", f"virtio-net-{bus},netdev=net0"),
        *("-device", f"virtio-balloon-{bus}", "-device", f"virtio-rng-{bus}"),
    )
    code = (
        "cd /sys/bus/virtio/devices; for d in *; do echo $(cat $d/device) $(basename $(readlink $d/driver)); done; "
        "cat /sys/class/misc/hw_random/rng_current; uname -r; [ -e /sys/firmware/acpi ] && echo acpi || echo none"
    )
    *drivers, rng, release, acpi = hosts.run(hosts.Host(name, devices=devices), directory, code).splitlines()
    assert sorted(drivers) == [
        "0x0001 virtio_net",
        "0x0002 virtio_blk",
        "0x0003 virtio_console",
        "0x0004 virtio_rng",
        "0x0005 virtio_balloon",
    ]
    assert rng == "virtio_rng.0" and release.endswith("-sandbox")
    # ACPI tells the machines apart: this shows that the named one has booted.
    assert acpi == ("acpi" if name == "q35" else "none")


def test_guest_of_128_mib_boots(name: str, directory: pathlib.Path) -> None:
    host = hosts.Host(name, memory=128)
    total, swap = hosts.run(host, directory, "awk '/MemTotal|SwapTotal/ { print $2 }' /proc/meminfo").split()
    assert int(total) < 128 << 10
    assert int(swap) > int(total) // 3


def test_hvc0_alone_shows_the_whole_boot(name: str, directory: pathlib.Path) -> None:
    options = ",isa-serial=off" if name == "microvm" else ""
    hosts.run(hosts.Host(name, options=options, command_line="console=hvc0", console="hvc0"), directory, "true")
    console = (directory / "console").read_text()
    for line in ("[init] stage kernel", "[init] started", "[init] stage switch", "[guest-agent] ready"):
        assert console.count(line) == 1


@pytest.mark.parametrize(("word", "shown"), [("", False), ("loglevel=7", True)])
def test_loglevel_shows_all_messages(name: str, directory: pathlib.Path, word: str, shown: bool) -> None:
    hosts.run(hosts.Host(name, command_line=f"{_SERIAL} {word}"), directory, "true")
    console = (directory / "console").read_text()
    # A notice, then a message of less importance.
    assert "Linux version" in console
    assert ("Run /init as init process" in console) == shown


def test_root_disk_is_base_whatever_its_name(name: str, directory: pathlib.Path) -> None:
    other = directory / "other.img"
    other.write_bytes(bytes(1 << 20))
    roots: set[str] = set()
    for order in ([(_disk(), "base"), (other, "snap")], [(other, "snap"), (_disk(), "base")]):
        inner = directory / order[0][1]
        inner.mkdir()
        # The root is the base disk, which the kernel opened read-only.
        code = "cd /sys/block; for d in vd?; do echo $d $(cat $d/serial) $(cat $d/ro); done"
        disks = [line.split() for line in hosts.run(hosts.Host(name, disks=order), inner, code).splitlines()]
        (root,) = (disk for disk, serial, read_only in disks if (serial, read_only) == ("base", "1"))
        roots.add(root)
    # In whatever order the kernel finds disks, one of the two orders has the other disk first.
    assert roots == {"vda", "vdb"}


@contextlib.contextmanager
def _busy_processor() -> Generator[None]:
    """Run this process and its children on one processor, which other programs keep busy."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(6):
                loop = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
                stack.callback(loop.kill)
            yield
    finally:
        os.sched_setaffinity(0, allowed)


def test_guest_of_busy_host_keeps_its_clock(name: str, directory: pathlib.Path) -> None:
    clock = {"aarch64": "arch_sys_counter", "x86_64": "tsc"}[hosts.ARCHITECTURE]
    # In two seconds the kernel compares its clocks several times.
    code = "sleep 2; cat /sys/devices/system/clocksource/clocksource0/current_clocksource"
    with _busy_processor():
        assert hosts.run(hosts.Host(name), directory, code) == f"{clock}\n"


def test_shutdown_ends_qemu(name: str, directory: pathlib.Path) -> None:
    async def boot() -> int:
        async with hosts.HostedMachine(hosts.Host(name), directory) as running, Agent(running) as agent:
            await agent.ping(hosts.WAIT)
            await agent.shutdown()
            return await running.wait(hosts.WAIT)

    assert asyncio.run(boot()) == 0


def test_panic_ends_qemu(name: str, directory: pathlib.Path) -> None:
    async def boot() -> str:
        blank = directory / "blank.img"
        blank.write_bytes(bytes(1 << 20))
        host = hosts.Host(name, command_line=_SERIAL, disks=[(blank, "base")])
        async with hosts.HostedMachine(host, directory) as running:
            assert await running.wait(hosts.WAIT) == 0
            return running.console()

    assert "Kernel panic" in asyncio.run(boot())
