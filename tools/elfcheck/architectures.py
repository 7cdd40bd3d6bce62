"""The architectures of guests, and what each world calls them."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One architecture.

    Attributes:
        name: as in Bazel's platforms, and in `uname -m`.
        debian: as in a Debian control file.
        machine: as in an ELF header, in pyelftools' spelling.
        triple: name of its directories of libraries.
    """

    name: str
    debian: str
    machine: str
    triple: str


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("aarch64", "arm64", "EM_AARCH64", "aarch64-linux-gnu"),
        Architecture("x86_64", "amd64", "EM_X86_64", "x86_64-linux-gnu"),
    )
}
"""By name."""
