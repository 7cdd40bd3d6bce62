"""Row 7: programs that do nothing, one after another, in a running guest."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable

from tests.bench.guests import guest
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.cli import errors

# Programs of each case in all runs.
_PROGRAMS = 1000

_PEERS = {
    "qga": "qemu-guest-agent in the same guest: guest-exec of /bin/true, and guest-exec-status until it has ended",
    "qga bash": "the same of the shell that our agent starts: bash -c true",
}

# Whether our agent runs the program in a session.
_OURS = {"a separate shell": False, "the session's shell": True}

_WANTED = {"qga": 1 / 3}


async def _times(context: Context, architecture: str) -> list[Comparison]:
    count = -(-_PROGRAMS // context.runs)
    async with guest.both(context.parts, architecture) as (agent, peer):
        await agent.warm_repl("raw")

        async def own(session: bool) -> int:
            return (await agent.run("raw", "true", session=session)).exit_code

        async def theirs(path: str, *arguments: str) -> int:
            return (await peer.run(path, arguments)).exit_code

        cases = {name: functools.partial(own, session) for name, session in _OURS.items()} | {
            "qga": functools.partial(theirs, "/bin/true"),
            "qga bash": functools.partial(theirs, "/bin/bash", "-c", "true"),
        }
        for each in cases.values():
            # The first run reads files from the disk.
            await each()
        samples = await context.alternate_async({case: _batch(each, count) for case, each in cases.items()})
    return [
        Comparison(
            f"{architecture}, {name}", "ms", {OWN: samples[name], **{peer: samples[peer] for peer in _PEERS}}, _WANTED
        )
        for name in _OURS
    ]


def _batch(program: Callable[[], Awaitable[int]], count: int) -> Callable[[], Awaitable[float]]:
    """Return a function that runs a program `count` times, and returns the milliseconds for each."""

    async def run() -> float:
        start = time.perf_counter()
        for _ in range(count):
            if code := await program():
                raise errors.InputError(f"`true` ended with {code}")
        return (time.perf_counter() - start) * 1000 / count

    return run


ROW = Row(
    number=7,
    name="exec",
    title=f"a program that does nothing in a running guest, {_PROGRAMS:,} times",
    peers=_PEERS,
    parts=guest.needs("beside"),
    measure=guest.each(_times),
)
