"""Find the architecture of a wheel in its compatibility tags (PEP 425).

Installers choose by the tags in the file's name. The field Tag of WHEEL repeats them, but some build tools omit it,
compress it, or omit its first parts. The module reads both, which must not contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.platforms import architectures

ANY = "any"
"""Architecture of a wheel for all architectures."""

ARCHITECTURES = frozenset(architectures.ARCHITECTURES)
"""Architectures of guests."""

_FILE_NAME = re.compile(r"[^-]+-[^-]+(?:-[0-9][^-]*)?-[^-]+-[^-]+-(?P<platforms>[^-]+)\.whl")
# No `musllinux`: the C library of guests is glibc.
_PLATFORM = re.compile(r"(?:linux|manylinux\w+)_(?P<architecture>aarch64|x86_64)", re.ASCII)


class TagError(ValueError):
    """Report tags of a wheel that is not for guests. The text is a clause."""


def architecture(file_name: str, tags: Iterable[str]) -> str:
    """Return the architecture of a wheel, or ANY.

    Args:
        file_name: name of the wheel's file. A name of another form is ignored.
        tags: values of the field Tag.

    Raises:
        TagError: the wheel is for other systems, or name and field contradict each other.
    """
    match = _FILE_NAME.fullmatch(file_name)
    named = match["platforms"].split(".") if match else []
    listed = [platform for tag in tags for platform in tag.rpartition("-")[2].split(".")]
    fits = [found for found in (_fitting(named), _fitting(listed)) if found is not None]
    if not fits:
        raise TagError("has no compatibility tag, neither in its name nor in WHEEL")
    common = ARCHITECTURES
    for found in fits:
        common &= found
    if not common:
        raise TagError(f"is for {min(fits[0])} by its name, and for {min(fits[1])} by WHEEL")
    return ANY if common == ARCHITECTURES else min(common)


def _fitting(platforms: Iterable[str]) -> frozenset[str] | None:
    """Return the architectures of platforms, or None if there are no platforms."""
    given = [platform for platform in platforms if platform]
    if not given:
        return None
    if ANY in given:
        return ARCHITECTURES
    found = frozenset(match["architecture"] for platform in given if (match := _PLATFORM.fullmatch(platform)))
    if not found:
        raise TagError(f"is for {', '.join(given)}")
    return found
