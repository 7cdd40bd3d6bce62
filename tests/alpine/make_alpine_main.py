"""Write a tiny Alpine kernel package for the targets of this directory."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli
from tools.extract_kernel import kernel_testing

_ARCHITECTURE = flags.DEFINE_string("architecture", None, "Architecture of the kernel.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Where to write the package.", required=True)


def main() -> None:
    """Write the package."""
    kernel_testing.alpine(pathlib.Path(_OUTPUT.value), _ARCHITECTURE.value)


if __name__ == "__main__":
    cli.run(main)
