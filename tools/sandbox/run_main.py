"""Runs a program in a fresh guest: `bazel run //images:run_python_x86_64 -- --code='print(1)'`.

Exit codes: the program's own; 125 if the guest or its agent failed, 2 for bad usage.
"""

from __future__ import annotations

import asyncio
import pathlib
import sys

from absl import flags

from tools.cli import cli
from tools.sandbox import errors, machine, run, text

EXIT_SANDBOX = 125
"""Exit code where it was not the program that failed: few programs use it."""

_ARCHITECTURE = flags.DEFINE_enum(
    "architecture", None, sorted(machine.ARCHITECTURES), "Architecture of the guest.", required=True
)
_QEMU = flags.DEFINE_string("qemu", None, "Emulator of that architecture.", required=True)
_KERNEL = flags.DEFINE_string("kernel", None, "The kernel.", required=True)
_INITRAMFS = flags.DEFINE_string("initramfs", None, "The initramfs.", required=True)
_DISK = flags.DEFINE_string("disk", None, "The root disk, qcow2. It is not written to.", required=True)
_LANGUAGE = flags.DEFINE_enum("language", None, ["javascript", "python", "raw"], "Language of the code.", required=True)
_CODE = flags.DEFINE_string("code", None, "The program. Default: what comes on standard input.")
_TIMEOUT = flags.DEFINE_integer("timeout", 60, "Seconds after which it is ended.", lower_bound=1, upper_bound=300)
_MEMORY = flags.DEFINE_integer("memory", 512, "The guest's memory in MiB.", lower_bound=128)


def main() -> None:
    """Boots, runs, exits."""
    code = sys.stdin.read() if _CODE.value is None else _CODE.value
    guest = machine.Guest(
        architecture=_ARCHITECTURE.value,
        # QEMU is not started in this folder.
        qemu=pathlib.Path(_QEMU.value).absolute(),
        kernel=pathlib.Path(_KERNEL.value).absolute(),
        initramfs=pathlib.Path(_INITRAMFS.value).absolute(),
        disk=pathlib.Path(_DISK.value).absolute(),
        memory=_MEMORY.value,
    )
    try:
        exit_code = asyncio.run(run.run(guest, _LANGUAGE.value, code, timeout=_TIMEOUT.value, say=_say))
    except errors.SandboxError as error:
        print(f"run: {error}", file=sys.stderr)
        exit_code = EXIT_SANDBOX
    sys.exit(exit_code)


def _say(stream: str, chunk: str) -> None:
    file = sys.stderr if stream == "stderr" else sys.stdout
    # A guest may say anything: a terminal would obey it, a file keeps it.
    file.write(text.printable(chunk.encode()) if file.isatty() else chunk)
    file.flush()


if __name__ == "__main__":
    cli.run(main)
