"""Test the runner of helper programs."""

from __future__ import annotations

import pytest

from tools.cli import errors, program


class _Error(errors.InputError):
    pass


def _run(script: str, stdin: str = "") -> str:
    return program.run(["/bin/sh", "-c", script], environment={"A": "b"}, error=_Error, stdin=stdin, fix="fix it")


def test_run_passes_input_environment_and_output() -> None:
    assert _run("read -r line; echo $A $HOME $line", "c\n") == "b c\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "sh: failed with exit code 3: no output: fix it"),
        ("echo one; echo two >&2; exit 1", "sh: failed with exit code 1: one; two: fix it"),
        ("printf '\\033[1m\\377'; exit 1", "sh: failed with exit code 1: \\x1b[1m\ufffd: fix it"),
    ],
)
def test_run_of_failing_program_raises_class_of_caller(script: str, words: str) -> None:
    with pytest.raises(_Error) as caught:
        _run(script)
    assert str(caught.value) == words


def test_run_of_failing_program_reports_end_of_long_output() -> None:
    with pytest.raises(_Error) as caught:
        _run("i=0; while [ $i -lt 200 ]; do echo word$i; i=$((i+1)); done; exit 1")
    assert len(str(caught.value)) < 400 and "word199" in str(caught.value)
