"""Row 10: code that does nothing, in a session, in a separate process, and in a Jupyter kernel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from tests.bench.guests import guest
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.cli import errors
from tools.sandbox import machine
from tools.sandbox.agent import Agent
from tools.sandbox.program import Output, Program

# Runs of each case in one sample: a session takes only a few milliseconds, like a delay of the host's scheduler. And in
# its first ones an engine compiles what all others use.
_BATCH = 20

_MEMORY = 1024

_PEERS = {
    "process": "the same code in a separate process",
    "jupyter": "jupyter_client and ipykernel in the same guest, until the kernel's reply, by a clock of the guest",
}

# The same computation in each language.
_CODE = {"javascript": "1+1", "python": "1+1", "raw": ": $((1+1))"}

# Languages to measure by disk.
_DISKS = {"disk_bun": ["javascript"], "disk_node": ["javascript"], "jupyter": ["python", "raw"]}

_WANTED = {"process": 1 / 20, "jupyter": 1.0}

# Maximum of milliseconds in a session.
_MOST = 50

# Starts a Jupyter kernel. For each line of input it sends code, and prints the milliseconds until the reply.
_CLIENT = """
import sys, time
from jupyter_client import KernelManager
manager = KernelManager(transport="ipc")
manager.start_kernel()
client = manager.blocking_client()
client.start_channels()
client.wait_for_ready(timeout=300)
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    request = client.execute("1+1")
    while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != request:
        pass
    took = time.perf_counter() - start
    assert reply["content"]["status"] == "ok", reply
    shown, idle = "", False
    while not (shown == "2" and idle):
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == request:
            shown = message["content"].get("data", {}).get("text/plain", shown)
            idle = message["content"].get("execution_state") == "idle"
    print(took * 1000, flush=True)
"""


class _Jupyter:
    """A Jupyter kernel and its client in a guest."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._outputs: AsyncIterator[Output] = aiter(program)
        self._pending = ""

    async def line(self) -> str:
        """Return the next line that the client prints.

        Raises:
            InputError: the client has ended.
        """
        errors_printed = ""
        while "\n" not in self._pending:
            output = await anext(self._outputs, None)
            if not output:
                raise errors.InputError(f"jupyter_client ended: {errors_printed[-300:]}")
            if output.stream == "stdout":
                self._pending += output.chunk
            else:
                errors_printed += output.chunk
        line, self._pending = self._pending.split("\n", 1)
        return line

    async def execute(self) -> float:
        """Return the milliseconds that the code takes."""
        await self._program.write(b"\n")
        return float(await self.line())


async def _measure_guest(context: Context, architecture: str, disk: str) -> list[Comparison]:
    found: list[Comparison] = []
    booted = guest.own(context.parts, architecture, disk, _MEMORY)
    async with machine.Machine(booted) as running, Agent(running) as agent:
        await agent.ping(guest.BOOT)
        for language in _DISKS[disk]:
            context.log(f"{architecture} {disk} {language}")
            await agent.warm_repl(language)
            cases = {OWN: _run(agent, language, session=True), "process": _run(agent, language, session=False)}
            if disk == "jupyter" and language == "python":
                async with agent.start("python", _CLIENT, stdin=True, timeout=0) as program:
                    jupyter = _Jupyter(program)
                    if (line := await jupyter.line()) != "ready":
                        raise errors.InputError(f"jupyter_client printed {line[:200]!r}")
                    samples = await _samples(context, cases | {"jupyter": jupyter.execute})
            else:
                samples = await _samples(context, cases)
            of = f"{language} by {disk.removeprefix('disk_')}" if language == "javascript" else language
            wanted = {case: most for case, most in _WANTED.items() if case in samples}
            found.append(Comparison(f"{architecture} {of}", "ms", samples, wanted | {OWN: _MOST}))
    return found


async def _samples(context: Context, cases: dict[str, Callable[[], Awaitable[float]]]) -> dict[str, list[float]]:
    for each in cases.values():
        # The first run reads files from the disk.
        await each()
    return await context.alternate_async({case: _mean(each) for case, each in cases.items()})


def _mean(each: Callable[[], Awaitable[float]]) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        return sum([await each() for _ in range(_BATCH)]) / _BATCH

    return measure


def _run(agent: Agent, language: str, *, session: bool) -> Callable[[], Awaitable[float]]:
    """Return a function that runs the code once, and returns the milliseconds until the host receives its end."""

    async def measure() -> float:
        start = time.perf_counter()
        done = await agent.run(language, _CODE[language], session=session)
        if done.exit_code:
            raise errors.InputError(f"{language}: the code ended with {done.exit_code}: {done.stderr[-200:]!r}")
        return (time.perf_counter() - start) * 1000

    return measure


def _measure(context: Context) -> Iterable[Comparison]:
    for architecture in guest.ARCHITECTURES:
        for disk in _DISKS:
            yield from asyncio.run(_measure_guest(context, architecture, disk))


ROW = Row(
    number=10,
    name="session",
    title="code that does nothing, in a session",
    peers=_PEERS,
    parts=guest.needs(*_DISKS),
    measure=_measure,
)
