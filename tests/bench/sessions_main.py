"""Compares code in a session with code in a new process: `./bazelw run //tests/bench:sessions`.

In each guest, for each language, both alternate. The guest measures the times, from the request to the end of the code.
The exit code is 1 if a session takes longer, or is fewer times quicker, than the budget allows.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from absl import flags

from tests.bench import report, sessions
from tools.cli import cli, errors
from tools.sandbox import machine
from tools.sandbox.agent import Agent
from tools.sandbox.errors import SandboxError

_GUEST = flags.DEFINE_multi_string("guest", None, "Guest and its languages, as a JSON object.", required=True)
_BUDGETS = flags.DEFINE_string("budgets", None, "File of budgets.", required=True)
_RUNS = flags.DEFINE_integer(
    "runs", 20, f"Runs of each kind. Fewer than {report.JUDGED} are not judged.", lower_bound=1
)
_OUT = flags.DEFINE_string("out", None, "JSON file for what each run took.")

# Seconds until a guest answers, under software emulation on a busy machine.
_BOOT = 240

# Code that computes the same in each language.
_CODE = {"javascript": "1+1", "python": "1+1", "raw": ": $((1+1))"}

_FILES = ("disk", "initramfs", "kernel", "qemu")


def main() -> None:
    """Boot, run, print the times and compare them with the budgets."""
    budget = sessions.read(pathlib.Path(_BUDGETS.value))
    measured: list[sessions.Result] = []
    for value in _GUEST.value:
        guest, languages = _parse(value)
        try:
            measured += asyncio.run(_measure(guest, languages))
        except SandboxError as error:
            raise errors.InputError(str(error)) from error
    print(sessions.table(measured))
    print(f"{_RUNS.value} runs, tcg, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}", flush=True)
    report.write(_OUT.value, sessions.document(measured))
    report.judge(_RUNS.value, lambda: sessions.check(measured, budget))


def _parse(value: str) -> tuple[machine.Guest, list[str]]:
    """Read a guest and its languages.

    Raises:
        UsageError: the value has another form.
    """
    try:
        parts: Mapping[str, Any] = json.loads(value)
        languages = [str(language) for language in parts["languages"]]
        if not set(languages) <= _CODE.keys():
            raise ValueError
        # QEMU is not started in this directory.
        files = {name: pathlib.Path(parts[name]).absolute() for name in _FILES}
        guest = machine.Guest(
            architecture=str(parts["architecture"]),
            machine=str(parts["machine"]),
            qemu=files["qemu"],
            kernel=files["kernel"],
            initramfs=files["initramfs"],
            disk=files["disk"],
        )
    except (KeyError, TypeError, ValueError):
        expected = ", ".join(("architecture", "machine", "languages", *_FILES))
        raise cli.UsageError(f"--guest={value}: must be a JSON object of {expected}") from None
    return guest, languages


async def _measure(guest: machine.Guest, languages: list[str]) -> list[sessions.Result]:
    found: list[sessions.Result] = []
    async with machine.Machine(guest) as running, Agent(running) as agent:
        await agent.ping(_BOOT)
        for language in languages:
            print(f"{guest.architecture} {language}", file=sys.stderr, flush=True)
            await agent.warm_repl(language)
            # The first run of each kind reads files from the disk.
            await _times(agent, language, 1)
            times = await _times(agent, language, _RUNS.value)
            found.append(sessions.Result(guest.architecture, language, *times))
    return found


async def _times(agent: Agent, language: str, runs: int) -> tuple[list[int], list[int]]:
    times: tuple[list[int], list[int]] = ([], [])
    for _ in range(runs):
        for kind, is_session in zip(times, (True, False), strict=True):
            done = await agent.run(language, _CODE[language], session=is_session)
            if done.exit_code:
                raise errors.InputError(f"{language}: the code ended with {done.exit_code}: {done.stderr[-200:]!r}")
            kind.append(done.milliseconds)
    return times


if __name__ == "__main__":
    cli.run(main)
