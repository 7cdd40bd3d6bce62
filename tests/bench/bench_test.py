"""Test the program with one run of a row. No test judges times."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

_PROGRAM = pathlib.Path(os.environ["BENCH"]).absolute()


def _run(directory: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_PROGRAM, *json.loads(os.environ["ARGUMENTS"]), *arguments],
        env={**os.environ, "BUILD_WORKING_DIRECTORY": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_program_measures_every_case(tmp_path: pathlib.Path) -> None:
    done = _run(tmp_path, "--rows=6", "--runs=1", "--out=found")
    assert done.returncode == 0, done.stderr
    assert "not judged" in done.stdout and "[6 launch] run 1 of 1" in done.stderr
    (row,) = json.loads((tmp_path / "found/results.json").read_text())["rows"]
    assert [result["name"] for result in row["results"]] == [
        f"{machine}, {clock}"
        for machine in ("x86_64 microvm", "x86_64 q35", "aarch64 virt")
        for clock in ("CPU", "clock")
    ]
    for result in row["results"]:
        assert list(result["samples"]) == ["own", "floor", "debian", "systemd"]
        assert all(len(values) == 1 and values[0] > 0.1 for values in result["samples"].values())
    assert "x86_64 microvm, CPU" in (tmp_path / "found/report.html").read_text()


def test_program_rejects_unknown_rows(tmp_path: pathlib.Path) -> None:
    done = _run(tmp_path, "--rows=99")
    assert done.returncode == 2
    assert done.stderr.startswith("bench: --rows=99: no such row, known: ") and done.stderr.count("\n") == 1


def test_program_exits_with_one_after_failed_row(tmp_path: pathlib.Path) -> None:
    # The kernel is missing.
    done = _run(tmp_path, "--rows=6", "--runs=1", "--out=found", "--part=kernel_x86_64=/dev/null")
    assert done.returncode == 1
    assert "launch failed: " in done.stderr.splitlines()[-1]
    (row,) = json.loads((tmp_path / "found/results.json").read_text())["rows"]
    assert row["error"] and not row["results"]
