"""The sums over an execution log."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tools.cli import cli_testing
from tools.execution_log import execution_log, execution_log_main


def _file(path: str, digest: str, size: int) -> dict[str, Any]:
    # Bazel writes 64-bit numbers as strings.
    return {"path": path, "digest": {"hash": digest, "sizeBytes": str(size), "hashFunctionName": "SHA-256"}}


_ACTIONS = [
    {
        "mnemonic": "Rustc",
        "targetLabel": "//a:a",
        "runner": "remote",
        "inputs": [_file("rustc", "aa", 2_000_000_000), _file("a.rs", "bb", 10)],
        "actualOutputs": [_file("a", "cc", 3_000_000)],
        "metrics": {"executionWallTime": "4.250s"},
    },
    {
        "mnemonic": "MakeDisk",
        "targetLabel": "//a:disk",
        "runner": "remote cache hit",
        "inputs": [_file("a", "cc", 3_000_000), _file("b", "bb", 10), {"path": "link"}],
        "actualOutputs": [_file("disk", "dd", 1_000_000)],
    },
]


def _log(directory: pathlib.Path, text: str) -> pathlib.Path:
    (directory / "log.json").write_text(text)
    return directory / "log.json"


def test_rows_sum_up_the_log(tmp_path: pathlib.Path) -> None:
    path = _log(tmp_path, "\n".join(json.dumps(action, indent=2) for action in _ACTIONS) + "\n")
    rows = dict(execution_log.table(list(execution_log.read(path))))
    assert rows == {
        "actions": "2: 1 MakeDisk, 1 Rustc",
        "run by": "1 remote, 1 remote cache hit",
        # A file with two paths is sent once.
        "inputs, each counted once": "4 files, 2.00 GB",
        "inputs, summed over actions": "2.00 GB",
        "largest action by bytes": "Rustc of //a:a, 2.00 GB in 2 files",
        "largest action by files": "MakeDisk of //a:disk, 3 files, 3.0 MB",
        "outputs, each counted once": "2 files, 4.0 MB",
        "longest action": "Rustc of //a:a, 4 s",
        "actions in sequence": "4 s",
    }


@pytest.mark.parametrize("text", ["", "[]", "{", '{"mnemonic": 1}', '{"mnemonic": "A", "runner": "b", "inputs": [1]}'])
def test_malformed_log_is_rejected(tmp_path: pathlib.Path, text: str) -> None:
    with pytest.raises(execution_log.LogError, match="not an execution log|contains no action"):
        execution_log.table(list(execution_log.read(_log(tmp_path, text))))


def test_table_is_printed(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _log(tmp_path, json.dumps(_ACTIONS[0]))
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    cli_testing.call(execution_log_main.main, log="log.json")
    assert "| actions | 1: 1 Rustc |\n" in capsys.readouterr().out
