"""Names inside a filesystem tree: normal form and limits.

A kernel accepts any bytes as a name, and packages ship names that are not UTF-8. This module represents such bytes by
lone surrogates (PEP 383, `surrogateescape`).
"""

from __future__ import annotations

import re

from tools.cli import errors

NAME_MAX = 255
"""Bytes of one component: the limit of ext4 and of the kernel (limits.h)."""

PATH_MAX = 4095
"""Bytes of a whole path or of a symlink's target: the kernel's limit without the final NUL."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PathError(errors.InputError):
    """A path that no image may contain."""


def check(path: str, where: str = "") -> str:
    """Return `path` if it is normal: relative, no empty, `.` or `..` component, no control character.

    Args:
        path: the path, with `/` between components.
        where: its source, for the error.

    Raises:
        PathError: it is not normal, cannot be a file's name or is longer than the kernel's limit.
    """
    reason = _reason(path)
    if reason:
        raise PathError(f"path {path!r} {reason}", where=where)
    return path


def normalise(path: str, where: str = "") -> str:
    """Drop empty and `.` components, as installers do, and check. Reject `..`: it may lead out of the tree."""
    return check("/".join(part for part in path.split("/") if part not in ("", ".")), where)


def encode(path: str) -> bytes:
    """Return the bytes of a path that `check` accepts."""
    return path.encode("utf-8", "surrogateescape")


def shown(path: str) -> str:
    """Return a path as printable text: bytes that are not UTF-8 become `\\xNN`."""
    return encode(path).decode("utf-8", "backslashreplace")


def parent(path: str) -> str:
    """Return the directory of `path`, or the empty string for the root."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> list[str]:
    """Return all directories above `path` except the root, the topmost first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def check_target(target: str, where: str = "") -> str:
    """Return a symlink's target if a kernel can store it; it may point anywhere.

    Raises:
        PathError: it is empty, too long, cannot be a file's name or has control characters.
    """
    if not target:
        raise PathError("symlink's target is empty", where=where)
    reason = _unfit(target)
    if reason:
        raise PathError(f"symlink's target {target!r} {reason}", where=where)
    return target


def _reason(path: str) -> str:
    if not path:
        return "is empty"
    if path.startswith("/"):
        return "is absolute: write it relative to the root"
    unfit = _unfit(path)
    if unfit:
        return unfit
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return f"has a component {part!r}: write it in its normal form"
        if len(encode(part)) > NAME_MAX:
            return f"has a component longer than {NAME_MAX} bytes"
    return ""


def _unfit(text: str) -> str:
    if _CONTROL.search(text):
        return "has control characters"
    try:
        encoded = encode(text)
    except UnicodeEncodeError:
        return "is not Unicode"
    if encoded.decode("utf-8", "surrogateescape") != text:
        return "spells UTF-8 as single bytes"
    return f"is longer than {PATH_MAX} bytes" if len(encoded) > PATH_MAX else ""
