"""The architectures of guests, and what each world calls them: the table of architectures.bzl."""

from __future__ import annotations

import ast
import dataclasses
import pathlib
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One architecture.

    Attributes:
        debian: as in a Debian control file.
        elf_machine: as in an ELF header, in pyelftools' spelling.
        loader: file name of glibc's program loader.
        npm: as in the field `cpu` of an npm package.
        triple: name of its directories of libraries.
    """

    debian: str
    elf_machine: str
    loader: str
    npm: str
    triple: str


def _read(path: pathlib.Path) -> Mapping[str, Architecture]:
    for statement in ast.parse(path.read_text("utf-8")).body:
        if isinstance(statement, ast.Assign):
            return {name: Architecture(**fields) for name, fields in ast.literal_eval(statement.value).items()}
    raise AssertionError(f"{path} has no table")


ARCHITECTURES = _read(pathlib.Path(__file__).with_name("architectures.bzl"))
"""By name, as in Bazel's platforms and in `uname -m`."""
