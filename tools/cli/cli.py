"""Run a tool's `main`: parse its flags, map errors to exit codes, and write outputs atomically.

Exit codes: 0 done, 1 bad input (one line on stderr), 2 bad usage (one line on stderr). A traceback
means a bug in the tool.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from typing import IO, NoReturn

from absl import app, flags

from tools.cli import errors

EXIT_INPUT = 1
EXIT_USAGE = 2


class UsageError(Exception):
    """The flags contradict each other or cannot be understood."""


def run(main: Callable[[], None]) -> NoReturn:
    """Parse the flags, run a tool's main function and exit.

    Args:
        main: reads its flags, returns nothing, raises `errors.InputError`, `UsageError` or OSError.
    """

    def without_arguments(arguments: Sequence[str]) -> int:
        if arguments:
            raise UsageError(f"unexpected argument {arguments[0]!r}: all input is given by flags")
        main()
        return 0

    run_command(without_arguments)


def run_command(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Do the same for a tool that takes arguments, anywhere among its flags, and returns its exit code.

    Args:
        main: takes the arguments, returns the exit code, and raises the same errors as that of `run`.
    """

    def wrapped(argv: Sequence[str]) -> int:
        try:
            return main(argv[1:])
        except UsageError as error:
            return _report(f"{error} (see --help)", EXIT_USAGE)
        except errors.InputError as error:
            return _report(str(error), EXIT_INPUT)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            return _report(f"{where}{error.strerror or error}", EXIT_INPUT)

    flags.FLAGS.set_gnu_getopt()
    app.run(wrapped, flags_parser=_parse)


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except (flags.Error, flags.UnrecognizedFlagError) as error:
        sys.exit(_report(f"{error} (see --help)", EXIT_USAGE))


def _report(message: str, code: int) -> int:
    name = pathlib.Path(sys.argv[0]).stem.removesuffix("_main")
    print(f"{name}: {errors.one_line(message.replace(chr(10), ' '))}", file=sys.stderr)
    return code


@contextlib.contextmanager
def output_path(path: str | os.PathLike[str]) -> Generator[pathlib.Path]:
    """Yield a temporary file to write to, and rename it to `path` if the block succeeds.

    Args:
        path: final path of the output; its directory must exist.

    Yields:
        A path in the same directory; the file exists and is empty. On an exception it is removed, and the
        file at `path` stays as it was.
    """
    final = pathlib.Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent)
    os.close(handle)
    partial = pathlib.Path(name)
    try:
        # mkstemp creates files of mode 0600 under every umask. Outputs have the same mode on every machine.
        partial.chmod(0o644)
        yield partial
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def output_file(path: str | os.PathLike[str]) -> Generator[IO[bytes]]:
    """Open an output for writing; it appears at `path` when the block succeeds, see `output_path`."""
    with output_path(path) as partial, open(partial, "wb") as stream:
        yield stream


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a whole UTF-8 text to `path`, or leave the file as it was."""
    with output_file(path) as stream:
        stream.write(text.encode())


def key_value(flag: str, value: str) -> tuple[str, str]:
    """Split a flag's value KEY=VALUE.

    Raises:
        UsageError: the value has no `=`, or an empty key or value.
    """
    key, separator, rest = value.partition("=")
    if not separator or not key or not rest:
        raise UsageError(f"--{flag}={value}: must have the form --{flag}=KEY=VALUE")
    return key, rest
