"""Row 9: memory of the agent, at rest and after a thousand requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from tests.bench.guests import guest, qga
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.cli import errors

# Requests to each agent: half of them start a program.
_REQUESTS = 1000

_PEERS = {
    "qga": "qemu-guest-agent in the same guest, after equally many requests",
    "at rest": "our agent before the requests: flat is 1",
}

# Prints the resident memory of process 1 (our agent) and of QEMU's agent, in KiB.
_SCRIPT = r"""
for process in /proc/1 /proc/[0-9]*; do
    read -r name 2>/dev/null <"$process/comm" || continue
    case $process:$name in
    /proc/1:*) who=own ;;
    *:qemu-ga) who=qga ;;
    *) continue ;;
    esac
    while read -r field value rest; do
        [ "$field" = VmRSS: ] && echo "$who $value"
    done <"$process/status"
done
exit 0
"""


async def _resident(peer: qga.GuestAgent) -> dict[str, float]:
    """Return the resident memory of both agents, in MiB."""
    # Programs of our agent see no processes of other users.
    ended = await peer.run("/bin/sh", ["-c", _SCRIPT], output=True)
    found = {name: int(value) / 1024 for name, value in re.findall(rb"(own|qga) (\d+)\n", ended.stdout)}
    named = {name.decode(): value for name, value in found.items()}
    if named.keys() != {OWN, "qga"}:
        raise errors.InputError(f"no memory of both agents in {ended.stdout!r}")
    return named


async def _sizes(context: Context, architecture: str) -> tuple[dict[str, float], dict[str, float]]:
    """Boot once, and return the memory of both agents at rest and after their requests."""
    async with guest.both(context.parts, architecture) as (agent, peer):
        rest = await _resident(peer)
        for _ in range(_REQUESTS // 2):
            await agent.ping(guest.BOOT)
            await agent.run("raw", "true")
            await peer.ask("guest-ping")
            await peer.run("/bin/true")
        return rest, await _resident(peer)


def _measure(context: Context) -> Iterable[Comparison]:
    for architecture in guest.ARCHITECTURES:
        context.log(architecture)
        # Both agents run in one guest, so a boot measures both.
        sizes = context.alternate({OWN: lambda of=architecture: asyncio.run(_sizes(context, of))})[OWN]
        yield Comparison(
            f"{architecture}, at rest",
            "MiB",
            {case: [rest[case] for rest, _ in sizes] for case in (OWN, "qga")},
            {"qga": 1.0},
        )
        after = {case: [end[case] for _, end in sizes] for case in (OWN, "qga")}
        yield Comparison(
            f"{architecture}, after {_REQUESTS:,} requests",
            "MiB",
            after | {"at rest": [rest[OWN] for rest, _ in sizes]},
            {"qga": 1.0, "at rest": 1.1},
        )


ROW = Row(
    number=9,
    name="memory",
    title=f"resident memory of the agent, at rest and after {_REQUESTS:,} requests",
    peers=_PEERS,
    parts=guest.needs("beside"),
    measure=_measure,
)
