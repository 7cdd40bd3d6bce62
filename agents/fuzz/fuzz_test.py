"""Fuzz a target with a fixed number of inputs, the same ones in every run, or for a time."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

# Lowest number of covered edges of instrumented code: even the smallest target reaches more.
_EDGES = 50


def test_target_accepts_all_inputs(tmp_path: pathlib.Path) -> None:
    program = pathlib.Path(os.environ["FUZZ_TARGET"]).absolute()
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for file in map(pathlib.Path, os.environ["FUZZ_CORPUS"].split()):
        (corpus / file.name).write_bytes(file.read_bytes())
    command = [program, "-seed=1", "-max_len=4096", "-timeout=60", f"-artifact_prefix={tmp_path}/"]
    command += ["-print_final_stats=1", *os.environ["FUZZ_OPTIONS"].split()]
    # If an option occurs twice, the last one counts.
    command += [f"-max_total_time={seconds}" for seconds in [os.environ.get("FUZZ_SECONDS")] if seconds] + [corpus]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    findings = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    assert result.returncode == 0 and not findings, f"{findings}\n{result.stderr[-4000:]}"
    counts = re.search(r"stat::number_of_executed_units: (\d+)", result.stderr)
    edges = [int(number) for number in re.findall(r"\bcov: (\d+)", result.stderr)]
    assert counts and edges and edges[-1] >= _EDGES, result.stderr[-4000:]
    print(f"{program.name}: {counts[1]} inputs, {edges[-1]} edges")
