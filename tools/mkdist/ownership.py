"""Find the owner of every entry of an image, and fail if an entry has none.

A packed tree's JSON file names an origin for each entry: a package, the label of a filesystem spec, a program, or a
step of mkrootfs. The report of mkrootfs lists the packages and programs. This module checks that the two agree.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from tools.cli import document, errors
from tools.fsspec.tree import Entry

# Entries that mkrootfs itself adds, see rootfs.py, merged_usr.py and bytecode.py there. A directory that only a guest
# binary needs is a `guest binary`.
_STEPS = re.compile(r"merged /usr|guest binary|(?:concatenation|bytecode) of .+", re.ASCII)
_LABEL = re.compile(r"(?:[\w.~+-]+)?//[\w./~+-]*:[\w./~+-]+", re.ASCII)


class OwnershipError(errors.InputError):
    """A tree and a report that do not belong together."""


@dataclasses.dataclass(frozen=True, order=True)
class Package:
    """A package of the report.

    Attributes:
        type: its ecosystem, as in package URLs: `deb`, `npm` or `pypi`.
        name: its name.
        version: its version.
        architecture: in its ecosystem's spelling.
        licence: an SPDX expression; empty if it states none in that form.
        sha256: digest of its file.
    """

    type: str
    name: str
    version: str
    architecture: str
    licence: str
    sha256: str

    def __str__(self) -> str:
        # The spelling of origins in mkrootfs.
        kind = {"deb": "", "npm": "npm, ", "pypi": "wheel, "}[self.type]
        return f"{self.name} {self.version} ({kind}{self.architecture})"


_REPORT = document.record(
    architecture=document.TEXT,
    packages=document.array(
        document.record(**{field.name: document.TEXT for field in dataclasses.fields(Package)})
        | {"additionalProperties": False}
    ),
    binaries=document.array(document.TEXT),
)


@dataclasses.dataclass(frozen=True)
class Report:
    """The report of mkrootfs on a root file system.

    Attributes:
        architecture: `aarch64` or `x86_64`.
        packages: its packages.
        binaries: paths of the programs that do not come from packages.
    """

    architecture: str
    packages: Sequence[Package]
    binaries: Sequence[str]


def load_report(path: str) -> Report:
    """Read an output `--packages_report` of mkrootfs.

    Raises:
        OwnershipError: the file is not a report.
    """
    value = document.load(path, _REPORT, "report of mkrootfs", error=OwnershipError)
    return Report(value["architecture"], [Package(**item) for item in value["packages"]], value["binaries"])


def assign(entries: Sequence[Entry], report: Report) -> Mapping[str, Package | None]:
    """Find the package of each entry.

    Args:
        entries: all entries of the tree, with their origins.
        report: the report of the same tree.

    Returns:
        Dict from path to its package, or to None if the entry belongs to the project: to a spec or a program.

    Raises:
        OwnershipError: an entry has an unknown origin, a package has no entry, or a program is missing.
    """
    packages = {str(package): package for package in report.packages}
    origins = {entry.path: entry.origin for entry in entries}
    absent = [path for path in report.binaries if path not in origins]
    if absent:
        raise OwnershipError("is in the report, but not in the tree", where=absent[0], fix="build both again")
    programs = {origins[path] for path in report.binaries}
    owners: dict[str, Package | None] = {}
    for path, origin in origins.items():
        owners[path] = packages.get(origin)
        known = owners[path] or origin in programs or _LABEL.fullmatch(origin) or _STEPS.fullmatch(origin)
        if not known:
            raise OwnershipError(
                f"comes from {origin!r}, which is neither a package of the report, nor a spec, nor a program",
                where=path,
                fix="build both again",
            )
    empty = sorted(set(packages.values()) - set(owners.values()) - {None})
    if empty:
        raise OwnershipError("is in the report, but nothing of it is in the tree", where=str(empty[0]))
    return owners
