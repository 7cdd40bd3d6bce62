"""Measure images, and write the table of the README: `./bazelw run //images:measurements`."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
import platform
import time

from absl import flags

from tools.cli import cli
from tools.measure import table
from tools.sandbox import acceleration, machine
from tools.sandbox.agent import Agent

_DISKS = flags.DEFINE_multi_string("disk", None, "ARCHITECTURE=FILE: a disk to measure.", required=True)
_GUESTS = flags.DEFINE_multi_string(
    "guest",
    None,
    "ARCHITECTURE=QEMU,KERNEL,INITRAMFS,MACHINE: the files and the machine that boot these disks.",
    required=True,
)
_BOOTS = flags.DEFINE_integer("boots", 5, "Boots of each disk.", lower_bound=1)
_FILE = flags.DEFINE_string("file", "README.md", "File with the table, relative to the workspace.")

# Seconds that a boot may take under software emulation on a busy machine.
_BOOT_TIMEOUT = 240

_PROGRAMS = {
    "node": ("javascript", "console.log(42)"),
    "python": ("python", "print(42)"),
    "raw": ("raw", "echo 42"),
}


def main() -> None:
    """Boot each disk several times, and replace the table."""
    guests = dict(cli.key_value("guest", value) for value in _GUESTS.value)
    # `bazel run` may be called in any directory.
    file = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."), _FILE.value)
    text = file.read_text("utf-8")
    table.replace(text, "")
    images: list[table.Measured] = []
    accelerators: set[str] = set()
    for value in _DISKS.value:
        architecture, disk = cli.key_value("disk", value)
        if architecture not in guests:
            raise cli.UsageError(f"--disk={value}: also give --guest={architecture}=…")
        guest = guests[architecture].split(",")
        if len(guest) != 4 or guest[3] not in machine.ARCHITECTURES[architecture].models:
            raise cli.UsageError(
                f"--guest={architecture}={guests[architecture]}: must be QEMU,KERNEL,INITRAMFS,MACHINE"
            )
        image, accelerator = asyncio.run(_measure(architecture, pathlib.Path(disk), guest))
        print(f"{image.name}: {image.size:,} bytes, {min(image.boots):.1f} to {max(image.boots):.1f} s", flush=True)
        images.append(image)
        accelerators.add(accelerator)
    cli.write_text(file, table.replace(text, table.render(images, _machine(sorted(accelerators)))))


async def _measure(architecture: str, disk: pathlib.Path, guest: list[str]) -> tuple[table.Measured, str]:
    # QEMU starts in another directory.
    qemu, kernel, initramfs = (pathlib.Path(path).absolute() for path in guest[:3])
    described = machine.Guest(
        architecture=architecture,
        qemu=qemu,
        kernel=kernel,
        initramfs=initramfs,
        disk=disk.absolute(),
        machine=guest[3],
    )
    described = dataclasses.replace(described, accelerator=await acceleration.probe(described))
    language, code = _PROGRAMS.get(disk.name.partition("-")[0], _PROGRAMS["raw"])
    boots: list[float] = []
    runs: list[float] = []
    for _ in range(_BOOTS.value):
        start = time.monotonic()
        async with machine.Machine(described) as running, Agent(running) as agent:
            await agent.ping(_BOOT_TIMEOUT)
            booted = time.monotonic()
            await agent.run(language, code)
            boots.append(booted - start)
            runs.append(time.monotonic() - booted)
    return table.Measured(disk.name, disk.stat().st_size, boots, runs), described.accelerator


def _machine(accelerators: list[str]) -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} CPUs of {platform.machine()} with {', '.join(accelerators)} and a load average of {load:.0f}"
    )


if __name__ == "__main__":
    cli.run(main)
