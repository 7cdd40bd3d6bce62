"""A guest's network: gvproxy is gateway, resolver, and the way to the machine's own loopback."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import AsyncGenerator

from tools.cli.text import printable
from tools.sandbox import logs, machine
from tools.sandbox.errors import MachineError

GATEWAY = "192.168.127.1"
"""The gateway, which is also the name server."""

GUEST = "192.168.127.2"
"""The guest."""

HOST = "192.168.127.254"
"""Address of the machine's 127.0.0.1 for the guest."""

# Seconds to wait for its start.
_START = 30

# Most bytes of gvproxy's output: a guest's traffic causes it.
_MOST_LOG = 1 << 20


@contextlib.asynccontextmanager
async def connected(guest: machine.Guest, program: pathlib.Path) -> AsyncGenerator[machine.Guest]:
    """Start a network for one guest, and yield the guest with it.

    Args:
        guest: the guest.
        program: gvproxy.

    Raises:
        MachineError: it does not start; the message has its output.
    """
    with (
        tempfile.TemporaryDirectory(prefix="network.", dir="/tmp") as name,
        logs.Pipe(pathlib.Path(name, "log"), _MOST_LOG) as log,
    ):
        directory = pathlib.Path(name)
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                # Otherwise it opens a port of the machine for SSH to the guest.
                *("-ssh-port=-1", "-listen-qemu", f"unix://{directory}/socket"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log.writer,
                stderr=log.writer,
                process_group=0,
                preexec_fn=machine.die_with_parent,
            )
        finally:
            log.release()
        try:
            async with asyncio.timeout(_START):
                while not (directory / "socket").exists() and process.returncode is None:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        try:
            if process.returncode is not None or not (directory / "socket").exists():
                log.flush()
                raise MachineError(f"the network does not start: {printable(logs.read(directory / 'log'))}")
            path = machine.option_value(directory / "socket")
            device = ("-netdev", f"stream,id=net,server=off,addr.type=unix,addr.path={path}")
            yield dataclasses.replace(
                guest,
                devices=(*guest.devices, *device, *guest.virtio("net", netdev="net")),
                command_line=f"{guest.command_line} init.net=1".strip(),
            )
        finally:
            # It ends by itself with the guest.
            if process.returncode is None:
                process.kill()
            await process.wait()
