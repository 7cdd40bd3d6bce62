"""Rust programs for guests, on the build host: static, they need only its kernel."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess

import pytest

_PROGRAM = pathlib.Path(os.environ["PROGRAM"])


def _run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_PROGRAM, *words], env=environment, capture_output=True, text=True, check=False)


def test_standard_library_works() -> None:
    done = _run("b", "a", "b")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        '[("a", 1), ("b", 2)]',
        "true 1.414",
        "true",
        "No such file or directory (os error 2)",
        "true",
    ]


@pytest.mark.parametrize("backtrace", ["0", "full"])
def test_panic_prints_reason_and_place_and_ends_the_program(backtrace: str) -> None:
    done = _run("panic", RUST_BACKTRACE=backtrace)
    assert done.returncode == -signal.SIGABRT
    assert re.search(
        r"panicked at tools/toolchains/testing/rust_program\.rs:\d+:\d+:\na reason to read\n", done.stderr
    ), done.stderr


def test_program_contains_no_path_of_the_build() -> None:
    content = _PROGRAM.read_bytes()
    # Places in messages of the library's own panics.
    assert b"library/core/src/" in content
    for word in (b"execroot", b"bazel-out", b"/external/", b"/sandbox/"):
        assert word not in content
