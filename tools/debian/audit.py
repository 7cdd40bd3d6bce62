"""Find pinned packages for which the archive has newer versions."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable

from tools.cli import errors
from tools.debian import apt_root, lockfile
from tools.platforms.architectures import ARCHITECTURES


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """A pinned package whose version differs from the archive's.

    Attributes:
        lock: name of the request whose lock pins it.
        package: its name.
        architecture: Debian architecture of the pinned file.
        pinned: version in the lock.
        newest: version in the archive; empty if the package has left it.
        archive: the archive that has that version; empty if none has.
    """

    lock: str
    package: str
    architecture: str
    pinned: str
    newest: str
    archive: str

    def __str__(self) -> str:
        pinned = f"{self.lock}: {self.package} {self.pinned} ({self.architecture})"
        return f"{pinned}: {self.newest} is in {self.archive}" if self.newest else f"{pinned}: has left the archive"


def audit(
    requests: Iterable[lockfile.Request],
    workspace: pathlib.Path,
    make_apt: Callable[[str, str], apt_root.AptRoot],
) -> list[Finding]:
    """Compare locks with the archive.

    Args:
        requests: requests whose locks to read.
        workspace: directory to which the locks' paths are relative.
        make_apt: returns an apt root with read indices, of a suite and a Debian architecture.

    Returns:
        The outdated packages, sorted.

    Raises:
        InputError: a lock is missing or malformed.
        AptError: the archive could not be read.
    """
    roots: dict[tuple[str, str], apt_root.AptRoot] = {}
    found: list[Finding] = []
    for request in requests:
        for architecture, pinned in _pinned(workspace / request.lock, request.name).items():
            key = (request.suite, ARCHITECTURES[architecture].debian)
            if key not in roots:
                roots[key] = make_apt(*key)
            found += _findings(roots[key], request.name, pinned)
    return sorted(set(found))


def _pinned(path: pathlib.Path, name: str) -> dict[str, list[apt_root.Package]]:
    update = f"./bazelw run //:lock -- --only={name}"
    try:
        packages = json.loads(path.read_text())["packages"]
        return {
            architecture: [apt_root.Package(**package) for package in listed]
            for architecture, listed in packages.items()
        }
    except FileNotFoundError:
        raise errors.InputError("is missing", where=str(path), fix=update) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise errors.InputError("is not a lock file", where=str(path), fix=update) from None


def _findings(apt: apt_root.AptRoot, lock: str, pinned: list[apt_root.Package]) -> list[Finding]:
    newest = apt.newest([package.name for package in pinned])
    newer = [
        package
        for package in pinned
        if newest.get(package.name, package.version) != package.version
        # An outdated mirror has older versions.
        and apt.is_newer(newest[package.name], package.version)
    ]
    archives = {}
    if newer:
        names = [package.name for package in newer]
        archives = {package.name: package.archive for package in apt.resolve(names, closure=False)}
    gone = [package for package in pinned if package.name not in newest]
    return [
        Finding(lock, item.name, item.architecture, item.version, newest[item.name], archives[item.name])
        for item in newer
    ] + [Finding(lock, item.name, item.architecture, item.version, "", "") for item in gone]
