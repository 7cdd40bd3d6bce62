"""A guest under QEMU: its command line, its process, its console.

All data from a guest is hostile: the host keeps a limited amount of the console, as bytes, and shows it only through
`text.printable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import functools
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence

from tools.cli.text import printable
from tools.sandbox import limits, logs
from tools.sandbox.errors import MachineError

# Ports of the wire, in the order in which QEMU gets them.
COMMAND_PORT = "org.dualeai.cmd"
EVENT_PORT = "org.dualeai.event"

# Lines with the reason of a failed boot. A kernel's panic prints more lines after them than the tail shows.
_REASON = re.compile(
    r"\[init\] (ERROR|execv failed)|\[module\] .*errno=|\[guest-agent\] .*(error|panick)|Kernel panic|Out of memory",
    re.IGNORECASE,
)

CONSOLE = "console"
"""Name of the console's log in a guest's directory."""

# Name of QEMU's own log.
_QEMU = "qemu"

# Most bytes of these logs: a guest can print without end, and make QEMU do so.
_MOST_CONSOLE = 8 << 20
_MOST_QEMU = 256 << 10

# Directory for blocks that a guest writes to its disk, which may be large: /tmp is memory on many hosts.
_LARGE_FILES = pathlib.Path("/var/tmp")

# Seconds in which QEMU reports whether it knows an option.
_PROBE = 30

_PR_SET_PDEATHSIG = 1

# Opened here: after a fork only few calls are safe.
_LIBC = ctypes.CDLL(None)


@dataclasses.dataclass(frozen=True)
class Model:
    """A machine that QEMU emulates.

    Attributes:
        option: value of -M.
        bus: end of the names of virtio devices for it.
        command_line: arguments that a kernel needs for it.
    """

    option: str
    bus: str
    command_line: str = ""


@dataclasses.dataclass(frozen=True)
class Architecture:
    """QEMU's parameters for one guest architecture.

    Attributes:
        models: its machines by name; any kernel boots on the first one.
        cpu: value of -cpu under software emulation.
        console: the kernel's name of the first serial port.
    """

    models: Mapping[str, Model]
    cpu: str
    console: str


ARCHITECTURES = {
    # Pointer authentication costs most of the time of an emulated `max`; this model lacks it.
    "aarch64": Architecture(models={"virt": Model("virt,gic-version=3", "pci")}, cpu="cortex-a57", console="ttyAMA0"),
    "x86_64": Architecture(
        models={
            # Firmware and kernel search an AHCI and an SMBus controller, which no guest uses. Debian's kernel tests its
            # timer, and panics if a busy host delays the ticks.
            "q35": Model("q35,sata=off,smbus=off", "pci", "no_timer_check"),
            # For kernels that find virtio-mmio devices by their command line. With acpi=on it hangs under software
            # emulation. Without ACPI and a keyboard controller, a triple fault resets it.
            "microvm": Model("microvm,acpi=off,x-option-roms=off", "device", "reboot=t"),
        },
        cpu="max",
        console="ttyS0",
    ),
}


@dataclasses.dataclass(frozen=True)
class Guest:
    """A guest to boot.

    Attributes:
        architecture: aarch64 or x86_64.
        qemu: the emulator for that architecture.
        kernel: vmlinuz.
        initramfs: initramfs, or None to boot the kernel alone.
        disk: qcow2 image of the root file system, or None. QEMU never writes to it.
        memory: MiB of RAM.
        machine: name of the machine; None for the one on which any kernel boots.
        accelerator: value of -accel.
        command_line: added to the kernel's command line.
        ports: names of the guest's virtio-serial ports.
        devices: further arguments of QEMU.
    """

    architecture: str
    qemu: pathlib.Path
    kernel: pathlib.Path
    initramfs: pathlib.Path | None
    disk: pathlib.Path | None
    memory: int = 512
    machine: str | None = None
    accelerator: str = "tcg"
    command_line: str = ""
    ports: Sequence[str] = (COMMAND_PORT, EVENT_PORT)
    devices: Sequence[str] = ()

    @property
    def model(self) -> Model:
        """The machine."""
        models = ARCHITECTURES[self.architecture].models
        return models[self.machine or next(iter(models))]

    def virtio(self, device: str, **options: str) -> tuple[str, str]:
        """Return QEMU's arguments for a virtio device, such as `net`."""
        values = ",".join(f"{name}={value}" for name, value in options.items())
        return "-device", f"virtio-{device}-{self.model.bus}" + (f",{values}" if values else "")


def option_value(path: pathlib.Path) -> str:
    """Return a path as a value of QEMU's options, which separate values by commas."""
    return str(path).replace(",", ",,")


@functools.cache
def confinement(qemu: str) -> tuple[str, ...]:
    """Return the arguments that remove unneeded rights on the host from QEMU, if it was built with seccomp.

    A guest that takes over its QEMU can then neither start programs nor gain rights.
    """
    arguments = ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
    try:
        # QEMU parses its arguments in order: without seccomp the first one is an error.
        done = subprocess.run(
            [qemu, *arguments, "-version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return () if done.returncode else arguments


def command(guest: Guest, directory: pathlib.Path) -> list[str]:
    """Return QEMU's command line for a guest, which prints the guest's console on its standard output.

    Args:
        guest: the guest.
        directory: directory in which QEMU creates the ports' sockets (`port0`, …).
    """
    architecture = ARCHITECTURES[guest.architecture]
    words = f"console={architecture.console} panic=-1 {guest.model.command_line} {guest.command_line}".split()
    line = [
        str(guest.qemu),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-nographic"),
        *("-accel", guest.accelerator, "-M", guest.model.option),
        *("-cpu", architecture.cpu if guest.accelerator.startswith("tcg") else "host"),
        *("-m", f"{guest.memory}M"),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-kernel", str(guest.kernel)),
        # panic=-1 with -no-reboot: a guest that fails ends QEMU at once.
        *("-append", " ".join(words)),
    ]
    if guest.initramfs:
        line += ["-initrd", str(guest.initramfs)]
    if guest.disk:
        line += [
            *("-drive", f"id=base,if=none,format=qcow2,snapshot=on,file={option_value(guest.disk)}"),
            *guest.virtio("blk", drive="base", serial="base"),
        ]
    if guest.ports:
        line += guest.virtio("serial")
    for index, port in enumerate(guest.ports):
        line += [
            *("-chardev", f"socket,id=port{index},path={option_value(directory / f'port{index}')},server=on,wait=off"),
            *("-device", f"virtserialport,chardev=port{index},name={port},nr={index + 1}"),
        ]
    return [*line, *guest.devices]


def _large_files(own: pathlib.Path) -> str:
    """Return the directory for QEMU's temporary files, which it deletes as soon as it has opened them."""
    # QEMU replaces TMPDIR=/tmp by /var/tmp.
    given = [pathlib.Path(os.environ["TMPDIR"])] if os.environ.get("TMPDIR", "/tmp") != "/tmp" else []
    for directory in (*given, _LARGE_FILES):
        # Like QEMU, write a file: permissions do not show that a file system is read-only.
        with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(dir=directory):
            return str(directory)
    return str(own)


def die_with_parent() -> None:
    """Make the kernel end QEMU if its parent is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Sockets:
    """The ports and the console of a guest, in any process.

    Attributes:
        architecture: architecture of the guest.
        directory: directory of the sockets and the console's log.
    """

    architecture: str
    directory: pathlib.Path

    def console(self) -> str:
        """Return the guest's output so far, or the end of a long one, as safe text."""
        self.flush()
        return printable(logs.read(self.directory / CONSOLE))

    def flush(self) -> None:
        """Read the output so far, if this process keeps it."""

    @property
    def running(self) -> bool:
        """Whether QEMU runs."""
        raise NotImplementedError

    async def open_port(self, index: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of the guest.

        Args:
            index: the port's place in `Guest.ports`.
            timeout: seconds to wait until QEMU creates the socket.

        Raises:
            MachineError: QEMU ended, or created no socket.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                return await asyncio.open_unix_connection(self.directory / f"port{index}", limit=limits.RESPONSE)
            except OSError as error:
                if not self.running:
                    raise self.error("QEMU ended") from error
                if asyncio.get_running_loop().time() > deadline:
                    raise self.error(f"QEMU created no socket for port {index}") from error
            await asyncio.sleep(0.02)

    def error(self, reason: str, lines: int = 40) -> MachineError:
        """Return an error with a reason, QEMU's own words, the console's lines with reasons, and its tail."""
        console = self.console().splitlines()
        words = printable(logs.read(self.directory / _QEMU)).strip()
        reasons = "\n".join(line for line in console if _REASON.search(line))
        tail = "\n".join(console[-lines:]) or "(nothing)"
        return MachineError(
            f"{self.architecture} guest: {reason}{self._state()}\n"
            + (f"--- QEMU ---\n{words}\n" if words else "")
            + (f"--- console, reasons ---\n{reasons}\n" if reasons else "")
            + f"--- console, last {lines} lines ---\n{tail}"
        )

    def _state(self) -> str:
        return "" if self.running else " (QEMU ended)"


class Machine(Sockets):
    """A running guest: `async with Machine(guest) as machine`.

    Attributes:
        guest: the guest.
    """

    def __init__(self, guest: Guest, directory: pathlib.Path | None = None) -> None:
        """Prepare a guest.

        Args:
            guest: the guest to boot.
            directory: an empty directory for its sockets and its console; without it, a temporary one.
        """
        self.guest = guest
        self.architecture = guest.architecture
        self._directory = directory
        self._exit = contextlib.AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self._pipes: list[logs.Pipe] = []

    async def __aenter__(self) -> Machine:
        async with self._exit:
            # A socket's path has at most 108 bytes, so the directory is below /tmp whatever TMPDIR is.
            directory = self._directory or self._exit.enter_context(
                tempfile.TemporaryDirectory(prefix="sandbox.", dir="/tmp")
            )
            self.directory = pathlib.Path(directory)
            console = self._exit.enter_context(logs.Pipe(self.directory / CONSOLE, _MOST_CONSOLE))
            words = self._exit.enter_context(logs.Pipe(self.directory / _QEMU, _MOST_QEMU))
            self._pipes = [console, words]
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command(self.guest, self.directory),
                    *(await asyncio.to_thread(confinement, str(self.guest.qemu))),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=console.writer,
                    stderr=words.writer,
                    env={"TMPDIR": _large_files(self.directory), "PATH": os.environ.get("PATH", "")},
                    # The program that drives the guest handles a terminal's ^C, and then ends QEMU.
                    process_group=0,
                    preexec_fn=die_with_parent,
                )
            finally:
                console.release()
                words.release()
            self._exit = self._exit.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._exit.aclose()

    def flush(self) -> None:
        """Read the output of QEMU and the guest so far."""
        for pipe in self._pipes:
            pipe.flush()

    @property
    def running(self) -> bool:
        """Whether QEMU runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of QEMU and all its threads so far, while it runs."""
        assert self._process
        # clock_getcpuclockid(3) returns this number, and Python lacks that function.
        return time.clock_gettime((~self._process.pid << 3) | 2)

    async def wait(self, timeout: float) -> int:
        """Wait until QEMU ends and return its exit code.

        Raises:
            MachineError: it still runs after `timeout` seconds.
        """
        assert self._process
        try:
            return await asyncio.wait_for(self._process.wait(), timeout)
        except TimeoutError:
            raise self.error(f"still runs after {timeout:.0f} s") from None

    def _state(self) -> str:
        return "" if self.running else f" (exit code {self._process.returncode if self._process else '?'})"
