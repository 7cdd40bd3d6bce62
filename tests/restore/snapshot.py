"""Save and restore memory snapshots of guests, like published hosts.

A file has the guest's RAM: the saved guest maps it shared, and restored guests map it privately. QEMU writes only the
state of devices. Each guest has a temporary overlay of the same disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import shlex
from collections.abc import AsyncGenerator
from typing import cast

from qemu.qmp import ConnectError, QMPClient, Runstate

from tests.boot import guest
from tools.sandbox import machine
from tools.sandbox.machine import option_value

# QEMU before 11 cannot restore a snapshot with this combination.
_CAPABILITIES = ("mapped-ram", "multifd", "x-ignore-shared")

_MEMORY = 256

# Interval in seconds for checks of a migration or of QEMU's control socket.
_PAUSE = 0.02


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A memory snapshot in a separate directory.

    Attributes:
        directory: directory of its files.
    """

    directory: pathlib.Path

    def save_from(self, sockets: pathlib.Path) -> machine.Machine:
        """Return a guest to save as this snapshot.

        Args:
            sockets: an empty directory for the guest's sockets.
        """
        return _machine(sockets, self._ram("share=on"))

    def restore(self, sockets: pathlib.Path, days_later: int = 0) -> machine.Machine:
        """Return a guest that waits for this snapshot.

        Args:
            sockets: an empty directory for the guest's sockets.
            days_later: days by which the clock of the guest's host is ahead.
        """
        ram = self._ram("share=off,readonly=on,rom=off")
        return _machine(sockets, [*ram, "-incoming", "defer"], _in_some_days(sockets, days_later))

    def _ram(self, options: str) -> list[str]:
        path = option_value(self.directory / "ram")
        return ["-object", f"memory-backend-file,id=mem0,size={_MEMORY}M,mem-path={path},{options}"]

    @property
    def uri(self) -> str:
        """Return QEMU's URI of the file with all state except RAM."""
        return f"file:{self.directory}/state"


def _machine(sockets: pathlib.Path, devices: list[str], qemu: pathlib.Path | None = None) -> machine.Machine:
    changes = {"qemu": qemu} if qemu else {}
    control = f"unix:{option_value(sockets / 'qmp')},server=on,wait=off"
    described = guest.from_environment(
        memory=_MEMORY,
        devices=[*devices, "-machine", "memory-backend=mem0", "-qmp", control],
        **changes,
    )
    return machine.Machine(described, sockets)


def _in_some_days(directory: pathlib.Path, days: int) -> pathlib.Path:
    """Return a program that runs QEMU as if on a host some days later."""
    program = directory / "qemu-in-some-days"
    faked = {
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME": f"+{days}d",
        "LD_PRELOAD": str(pathlib.Path(os.environ["LIBFAKETIME"]).resolve()),
    }
    variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in faked.items() if days)
    qemu = shlex.quote(str(pathlib.Path(os.environ["SANDBOX_QEMU"]).absolute()))
    program.write_text(f'#!/bin/sh\n{variables}exec {qemu} "$@"\n')
    program.chmod(0o755)
    return program


@contextlib.asynccontextmanager
async def control(running: machine.Machine) -> AsyncGenerator[QMPClient]:
    """Connect to the control socket of a guest's QEMU.

    Raises:
        MachineError: QEMU ended.
    """
    client = QMPClient()
    path = running.directory / "qmp"
    while client.runstate is not Runstate.RUNNING:
        if not running.running:
            raise running.error("QEMU ended")
        await asyncio.sleep(_PAUSE)
        # QEMU creates the socket shortly before it listens on it.
        with contextlib.suppress(ConnectError):
            if path.exists():
                await client.connect(str(path))
    try:
        yield client
    finally:
        # After `quit`, QEMU closes the connection first.
        with contextlib.suppress(EOFError, ConnectionError):
            await client.disconnect()


async def save(running: machine.Machine, snapshot: Snapshot) -> None:
    """Stop a guest, save it and end it.

    Raises:
        MachineError: QEMU cannot save it.
    """
    async with control(running) as client:
        await _allow(client)
        await client.execute("stop")
        await client.execute("migrate", {"uri": snapshot.uri})
        await _wait(running, client)
        await client.execute("quit")


async def load(running: machine.Machine, client: QMPClient, snapshot: Snapshot) -> None:
    """Load a snapshot into a guest that waits for it; the guest stays stopped.

    Raises:
        MachineError: QEMU cannot load it.
    """
    await _allow(client)
    await client.execute("migrate-incoming", {"uri": snapshot.uri})
    await _wait(running, client)


async def _allow(client: QMPClient) -> None:
    capabilities = [{"capability": name, "state": True} for name in _CAPABILITIES]
    await client.execute("migrate-set-capabilities", {"capabilities": capabilities})


async def _wait(running: machine.Machine, client: QMPClient) -> None:
    while True:
        state = cast("dict[str, object]", await client.execute("query-migrate"))
        if state.get("status") == "completed":
            return
        if state.get("status") in ("failed", "cancelled"):
            raise running.error(f"QEMU says of the snapshot: {state.get('error-desc', state)}")
        await asyncio.sleep(_PAUSE)
