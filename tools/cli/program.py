"""Run programs that do a part of a tool's work."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from tools.cli import errors

# Most characters of a program's output in an error.
_WORDS_MAX = 300


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    error: type[errors.InputError],
    stdin: str = "",
    fix: str = "",
) -> str:
    """Run a program without the caller's environment, and return its standard output.

    Args:
        command: the program and its arguments.
        environment: all its environment variables.
        error: class of the error.
        stdin: its standard input.
        fix: remedy for a failure.

    Raises:
        InputError: the program failed. The class is `error`, and the message has the end of the program's output.
    """
    done = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        words = "; ".join(filter(None, map(str.strip, (done.stdout + done.stderr).splitlines()))) or "no output"
        name = os.path.basename(command[0])
        raise error(f"failed with exit code {done.returncode}: {words[-_WORDS_MAX:]}", where=name, fix=fix)
    return done.stdout
