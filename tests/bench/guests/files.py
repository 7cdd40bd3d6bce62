"""Row 8: a large file into a guest and out of it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

from tests.bench.guests import guest
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.cli import errors

_SIZE = 100_000_000

# MiB of RAM: memory holds the file twice, ours and the peer's.
_MEMORY = 1024

# Bytes of one request of QEMU's agent: one of the fastest sizes that it accepts.
_CHUNK = 1 << 20

_PEERS = {
    "qga": f"qemu-guest-agent in the same guest: guest-file-open, -read or -write of {_CHUNK >> 20} MiB each, -close",
}

_WANTED = {"qga": 0.1}


async def _times(context: Context, architecture: str) -> Iterable[Comparison]:
    # Incompressible data, the same in every run.
    content = random.Random(0).randbytes(_SIZE)
    async with guest.both(context.parts, architecture, _MEMORY) as (agent, peer):

        async def own_into() -> float:
            start = time.perf_counter()
            await agent.write_file("file", content)
            return time.perf_counter() - start

        async def own_out() -> float:
            start = time.perf_counter()
            found = await agent.read_file("file")
            return _checked(time.perf_counter() - start, found, content)

        async def qga_into() -> float:
            start = time.perf_counter()
            await peer.write_file("/tmp/file", content, _CHUNK)
            return time.perf_counter() - start

        async def qga_out() -> float:
            start = time.perf_counter()
            found = await peer.read_file("/tmp/file", _CHUNK)
            return _checked(time.perf_counter() - start, found, content)

        samples = await context.alternate_async(
            {"own into": own_into, "qga into": qga_into, "own out": own_out, "qga out": qga_out}
        )
    return [
        Comparison(
            f"{architecture}, 100 MB {way} the guest",
            "s",
            {case: samples[f"{case} {way.split()[0]}"] for case in (OWN, "qga")},
            _WANTED,
        )
        for way in ("into", "out of")
    ]


def _checked(seconds: float, found: bytes, content: bytes) -> float:
    if found != content:
        raise errors.InputError("the file from the guest differs from the one that was sent")
    return seconds


ROW = Row(
    number=8,
    name="files",
    title="100 MB into a running guest and out of it",
    peers=_PEERS,
    parts=guest.needs("beside"),
    measure=guest.each(_times),
)
