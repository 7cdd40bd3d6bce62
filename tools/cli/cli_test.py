"""Test flags, exit codes and outputs of tools."""

import os
import pathlib
import stat
import subprocess
import sys

import pytest

from tools.cli import cli, errors

_PROGRAM = """
import sys
from absl import flags
from tools.cli import cli, errors
_KIND = flags.DEFINE_enum("kind", "good", ["good", "input", "usage", "missing", "bug"], "Kind of failure.")
def main():
    if _KIND.value == "input":
        raise errors.InputError("is\\nbad", where="x.deb", fix="get another")
    if _KIND.value == "usage":
        raise cli.UsageError("give one of --a and --b")
    if _KIND.value == "missing":
        open("/nonexistent/file")
    if _KIND.value == "bug":
        raise KeyError("bug")
cli.run(main)
"""


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *args],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_run_without_error_prints_nothing():
    result = _run()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["--kind=input"], 1, "x.deb: is\\nbad: get another"),
        (["--kind=missing"], 1, "/nonexistent/file: No such file or directory"),
        (["--kind=usage"], 2, "give one of --a and --b"),
        (["--kind=other"], 2, "value should be one of"),
        (["--colour=red"], 2, "Unknown command line flag 'colour'"),
        (["stray"], 2, "unexpected argument 'stray'"),
    ],
)
def test_run_with_error_prints_one_line_and_sets_exit_code(args: list[str], code: int, text: str):
    result = _run(*args)
    assert result.returncode == code
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


def test_run_with_unexpected_exception_prints_traceback():
    result = _run("--kind=bug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_one_line_escapes_control_characters():
    assert errors.one_line("a\nb\x1b[31mé\udcff") == "a\\nb\\x1b[31mé\\udcff"


def test_output_file_replaces_only_after_success(tmp_path: pathlib.Path):
    path = tmp_path / "out"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError), cli.output_file(path) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    with cli.output_file(path) as stream:
        stream.write(b"whole")
    assert path.read_bytes() == b"whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_write_text_ignores_umask(tmp_path: pathlib.Path):
    before = os.umask(0o077)
    try:
        cli.write_text(tmp_path / "out", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o644


@pytest.mark.parametrize("value", ["", "key", "=value", "key="])
def test_key_value_rejects_missing_parts(value: str):
    with pytest.raises(cli.UsageError, match="KEY=VALUE"):
        cli.key_value("flag", value)


def test_key_value_splits_at_first_sign():
    assert cli.key_value("flag", "a=b=c") == ("a", "b=c")
