"""A C program for guests, on the build host: static, it needs only its kernel."""

from __future__ import annotations

import os
import subprocess


def test_program_runs() -> None:
    done = subprocess.run([os.environ["PROGRAM"], "a", "b", "c"], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "c 2.00\n"
