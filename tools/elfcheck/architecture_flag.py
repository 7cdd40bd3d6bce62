"""The flag --architecture of programs that create or check files of one architecture."""

from __future__ import annotations

from absl import flags

from tools.platforms import architectures

# The flag belongs to the program that defines it here: its --help lists it.
flags.disclaim_key_flags()


def define(meaning: str) -> flags.FlagHolder[str]:
    """Define the mandatory flag.

    Args:
        meaning: which thing must be of the architecture.
    """
    return flags.DEFINE_enum("architecture", None, sorted(architectures.ARCHITECTURES), meaning, required=True)
