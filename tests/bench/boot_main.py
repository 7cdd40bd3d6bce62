"""Compares boots with an empty boot and with a boot of Debian's kernel: `./bazelw run //tests/bench:boot`.

On each machine three boots alternate: the image until its agent answers (own), the same kernel with an init that
restarts at once (floor), and the image with Debian's kernel (debian). The exit code is 1 if a ratio of CPU
seconds is over its budget.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys

from absl import flags

from tests.bench import boots, report, results
from tools.cli import cli, errors
from tools.sandbox import machine
from tools.sandbox.errors import SandboxError

_GUEST = flags.DEFINE_multi_string("guest", None, "What to boot on the machines of an architecture.", required=True)
_BUDGETS = flags.DEFINE_string("budgets", None, "File of budgets.", required=True)
_RUNS = flags.DEFINE_integer(
    "runs",
    7,
    f"Boots of each kind on each machine. Ratios of fewer than {report.JUDGED} are not judged.",
    lower_bound=1,
)
_OUT = flags.DEFINE_string("out", None, "JSON file for what each boot cost.")


def main() -> None:
    """Boot, print the costs and compare them with the budgets."""
    budgets = results.read(pathlib.Path(_BUDGETS.value))
    machines = boots.parse(_GUEST.value)
    load = os.getloadavg()[0]
    try:
        costs = _measure(machines)
    except SandboxError as error:
        raise errors.InputError(str(error)) from error
    measured = [results.Result(each[0].machine, found) for each, found in zip(machines, costs, strict=True)]
    surroundings = {"cpus": os.cpu_count(), "load_before": load, "load_after": os.getloadavg()[0]}
    print(results.table(measured))
    print(
        f"{_RUNS.value} runs, tcg, {os.cpu_count()} CPUs, load average {load:.1f} to {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    report.write(_OUT.value, results.document(measured, surroundings))
    report.judge(_RUNS.value, lambda: results.check(measured, budgets))


def _measure(machines: list[list[boots.Boot]]) -> list[dict[str, list[boots.Cost]]]:
    """Return the costs of all boots of each machine, by case."""
    # Queries of QEMU's abilities, which happen once, are no part of a boot.
    for qemu in {str(boot.guest.qemu) for each in machines for boot in each}:
        machine.confinement(qemu)
    costs: list[dict[str, list[boots.Cost]]] = [{boot.case: [] for boot in each} for each in machines]
    for number in range(_RUNS.value):
        print(f"run {number + 1} of {_RUNS.value}", file=sys.stderr, flush=True)
        for each, found in zip(machines, costs, strict=True):
            for boot in each:
                found[boot.case].append(asyncio.run(boots.measure(boot)))
    return costs


if __name__ == "__main__":
    cli.run(main)
