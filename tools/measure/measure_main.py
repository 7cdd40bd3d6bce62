"""Measure images, and write the table of the README: `./bazelw run //images:measurements`."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Mapping

from absl import flags

from tools.cli import cli
from tools.measure import boots, table
from tools.sandbox import machine

_DISKS = flags.DEFINE_multi_string("disk", None, "ARCHITECTURE=FILE: a disk to measure.", required=True)
_GUESTS = flags.DEFINE_multi_string(
    "guest",
    None,
    "ARCHITECTURE=QEMU,KERNEL,INITRAMFS,MACHINE: the files and the machine that boot these disks.",
    required=True,
)
_BOOTS = flags.DEFINE_integer("boots", 5, "Boots of each disk.", lower_bound=1)
_FILE = flags.DEFINE_string("file", "README.md", "File with the table, relative to the workspace.")

_PROGRAMS = {
    "node": ("javascript", "console.log(42)"),
    "python": ("python", "print(42)"),
    "raw": ("raw", "echo 42"),
}


def main() -> None:
    """Boot each disk several times, and replace the table."""
    guests = boots.guests(_GUESTS.value)
    # `bazel run` may be called in any directory.
    file = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."), _FILE.value)
    text = file.read_text("utf-8")
    table.replace(text, "")
    images: list[table.Measured] = []
    done: list[boots.Boot] = []
    for value in _DISKS.value:
        disk, several = asyncio.run(_boot(guests, value))
        runs = [boot.run for boot in several if boot.run is not None]
        image = table.Measured(disk.name, disk.stat().st_size, [boot.seconds for boot in several], runs)
        print(f"{image.name}: {image.size:,} bytes, {min(image.boots):.1f} to {max(image.boots):.1f} s", flush=True)
        images.append(image)
        done += several
    cli.write_text(file, table.replace(text, table.render(images, boots.surroundings(done))))


async def _boot(guests: Mapping[str, machine.Guest], value: str) -> tuple[pathlib.Path, list[boots.Boot]]:
    guest = await boots.with_disk(guests, value)
    assert guest.disk
    program = _PROGRAMS.get(guest.disk.name.partition("-")[0], _PROGRAMS["raw"])
    return guest.disk, [await boots.boot(guest, program) for _ in range(_BOOTS.value)]


if __name__ == "__main__":
    cli.run(main)
