"""The flag --architecture of programs that make or check something of one architecture."""

from __future__ import annotations

from absl import flags

from tools.elfcheck import architectures

# The flag is that of the program that defines it here: its --help lists it.
flags.disclaim_key_flags()


def define(meaning: str) -> flags.FlagHolder[str]:
    """Define the flag, which must be given.

    Args:
        meaning: what must be of the architecture.
    """
    return flags.DEFINE_enum("architecture", None, sorted(architectures.ARCHITECTURES), meaning, required=True)
