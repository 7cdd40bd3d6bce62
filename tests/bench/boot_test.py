"""Tests that the benchmark boots each guest once and writes the costs. It does not judge times."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

_PROGRAM = pathlib.Path(os.environ["BOOT"]).absolute()


def test_program_measures_every_boot(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [_PROGRAM, *json.loads(os.environ["ARGUMENTS"]), "--runs=1", "--out=costs.json"],
        env={**os.environ, "BUILD_WORKING_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    machines = json.loads((tmp_path / "costs.json").read_text())["machines"]
    assert [each["machine"] for each in machines] == ["aarch64 virt", "x86_64 microvm", "x86_64 q35"]
    for each in machines:
        for costs in each["boots"].values():
            assert len(costs) == 1 and costs[0]["cpu"] > 0.1 and costs[0]["wall"] > 0.1
    assert "not judged" in done.stdout
