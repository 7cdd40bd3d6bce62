"""Find the architectures of an npm package in the fields `os`, `cpu` and `libc` of its package.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tools.packages.tarball import PackageError
from tools.platforms.architectures import ARCHITECTURES

ANY = "any"
"""Architecture of a package that fits each one."""

_CPUS = {name: architecture.npm for name, architecture in ARCHITECTURES.items()}
# The values of guests, in the spelling of Node.js.
_GUESTS = {"os": "linux", "libc": "glibc"}


def architecture(description: Mapping[str, object], where: str) -> str:
    """Return the architecture of a package, or ANY.

    Raises:
        PackageError: the package is for other systems.
    """
    for field, value in _GUESTS.items():
        if not _fits(value, description.get(field)):
            raise PackageError(
                f"is for {field} {description[field]!r}, but guests are {value}",
                where=where,
                fix=f"take a package for {value}",
            )
    found = [name for name, cpu in _CPUS.items() if _fits(cpu, description.get("cpu"))]
    if not found:
        cpus = " or ".join(_CPUS.values())
        raise PackageError(
            f"is for cpu {description['cpu']!r}, but guests are {cpus}", where=where, fix=f"take a package for {cpus}"
        )
    return found[0] if len(found) == 1 else ANY


def _fits(value: str, wanted: object) -> bool:
    """Return whether a field admits a value, like npm's client (npm-install-checks): a list may negate with `!`."""
    if not wanted:
        return True
    entries = [str(entry) for entry in cast(list[object], wanted)] if isinstance(wanted, list) else [str(wanted)]
    if entries == [ANY]:
        return True
    admitted = [entry for entry in entries if not entry.startswith("!")]
    return f"!{value}" not in entries and (value in admitted or not admitted)
