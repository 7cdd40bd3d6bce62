"""Boot guests on the machines of other hosts: other devices, other consoles, less memory, no ACPI.

This module has its own command line of QEMU, because `tools/sandbox` adds devices that other hosts omit.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
from collections.abc import Sequence

from tests.boot import guest
from tools.sandbox import machine
from tools.sandbox.agent import Agent

WAIT = 240
"""Seconds for a boot, or for its end, under software emulation on a slow, busy machine."""

ARCHITECTURE = os.environ["SANDBOX_ARCHITECTURE"]
"""The guests' architecture."""


def suffix(name: str | None) -> str:
    """Return the suffix of the names of virtio devices for a machine."""
    # Every kernel finds virtio-mmio devices on ARM; not every kernel does on x86_64.
    return "device" if ARCHITECTURE == "aarch64" or name == "microvm" else "pci"


@dataclasses.dataclass(frozen=True)
class Host:
    """Machine and options that a host gives a guest.

    Attributes:
        machine: name of QEMU's machine; None: the machine that any kernel boots on.
        options: further options of the machine, each after a comma.
        command_line: the kernel's command line.
        memory: MiB of RAM.
        console: serial, hvc0 or none.
        disks: pairs of file and serial, in the order of QEMU's command line; a file of another name is raw.
        devices: further arguments of QEMU.
    """

    machine: str | None = None
    options: str = ""
    command_line: str = ""
    memory: int = 512
    console: str = "serial"
    disks: Sequence[tuple[pathlib.Path, str]] = ()
    devices: Sequence[str] = ()


class HostedMachine(machine.Machine):
    """A guest of such a host."""

    def __init__(self, host: Host, directory: pathlib.Path) -> None:
        super().__init__(guest.from_environment(machine=host.machine), directory)
        self._host = host

    async def __aenter__(self) -> HostedMachine:
        directory = self._directory
        assert directory
        self.directory = directory
        with open(directory / "qemu", "wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(directory),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"TMPDIR": str(directory)},
                preexec_fn=machine.die_with_parent,
            )
        return self

    def _command(self, directory: pathlib.Path) -> list[str]:
        host, described = self._host, self.guest
        cpu, bus = machine.ARCHITECTURES[described.architecture].cpu, suffix(host.machine)
        command = [
            *(str(described.qemu), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-accel", "tcg", "-M", described.model.option + host.options, "-cpu", cpu, "-m", f"{host.memory}M"),
            *("-kernel", str(described.kernel), "-initrd", str(described.initramfs)),
            *("-append", host.command_line),
            *("-device", f"virtio-serial-{bus},id=serial"),
            *("-serial", f"file:{directory}/console" if host.console == "serial" else "none"),
        ]
        if host.console == "hvc0":
            command += [
                *("-chardev", f"file,id=hvc0,path={directory}/console"),
                *("-device", "virtconsole,chardev=hvc0,nr=0"),
            ]
        for index, (path, serial) in enumerate(host.disks or [(described.disk, "base")]):
            kind_of_file = "qcow2" if str(path).endswith(".qcow2") else "raw"
            command += [
                *("-drive", f"id=disk{index},if=none,format={kind_of_file},snapshot=on,file={path}"),
                *("-device", f"virtio-blk-{bus},drive=disk{index},serial={serial}"),
            ]
        for index, port in enumerate((machine.COMMAND_PORT, machine.EVENT_PORT)):
            command += [
                *("-chardev", f"socket,id=port{index},path={directory}/port{index},server=on,wait=off"),
                *("-device", f"virtserialport,chardev=port{index},name={port},nr={index + 1}"),
            ]
        return [*command, *host.devices]


def run(host: Host, directory: pathlib.Path, code: str) -> str:
    """Boot a guest, run shell code in it and return its output."""

    async def boot() -> str:
        async with HostedMachine(host, directory) as running, Agent(running) as agent:
            await agent.ping(WAIT)
            done = await agent.run("raw", code)
            assert (done.stderr, done.exit_code) == ("", 0)
            return done.stdout

    return asyncio.run(boot())
