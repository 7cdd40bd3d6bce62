"""The bundle of certificate authorities, from Debian's package of them."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence

from tools.cli import errors
from tools.fsspec import content
from tools.mkrootfs import deb

_PACKAGE = "ca-certificates"
_CERTIFICATE = re.compile(r"usr/share/ca-certificates/mozilla/[^/]+\.crt")
_PEM = re.compile(rb"(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n)\s*")


class BundleError(errors.InputError):
    """Packages without certificates, or with damaged ones."""


def make(packages: Sequence[str], work: pathlib.Path) -> bytes:
    """Returns all certificates in PEM form, in the order of their file names.

    Args:
        packages: paths of `.deb` files; the one of certificates is among them.
        work: folder to unpack to.

    Raises:
        BundleError: no package or two are of certificates, it has none, or a file is not one certificate.
        DebError: a package is damaged.
    """
    found = [package for path in packages if (package := deb.read(path)).name == _PACKAGE]
    if len(found) != 1:
        raise BundleError(
            f"{len(found)} of the {len(packages)} packages are {_PACKAGE}", fix=f"name {_PACKAGE} once in MODULE.bazel"
        )
    parts = []
    for entry in sorted(deb.unpack(found[0], str(work / "data.tar")), key=lambda entry: entry.path):
        if entry.content is None or not _CERTIFICATE.fullmatch(entry.path):
            continue
        match = _PEM.fullmatch(content.read(entry.content))
        if not match:
            raise BundleError("is not one certificate in PEM form", where=f"{found[0]}: {entry.path}")
        parts.append(match[1])
    if not parts:
        raise BundleError("has no certificates", where=found[0].path)
    return b"".join(parts)
