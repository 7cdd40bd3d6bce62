"""Read a published distribution: its files, and what is in its disks."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from tools.mkdist import dist, inventory
from tools.mkdist.inventory import Inventory

_DISK, _SBOM = ".qcow2", ".spdx.json"


@dataclasses.dataclass(frozen=True)
class Artefact:
    """A file of a distribution.

    Attributes:
        name: its name.
        size: its bytes.
        sha256: its digest.
    """

    name: str
    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Distribution:
    """A distribution.

    Attributes:
        releases: release of the kernel, by architecture; empty if any kernel fits.
        artefacts: its files.
        disks: files of each disk, by its name in the distribution.
    """

    releases: Mapping[str, str]
    artefacts: Sequence[Artefact]
    disks: Mapping[str, Inventory]


def load(directory: pathlib.Path) -> Distribution:
    """Read the manifest and the bills of materials of a distribution; the images themselves are not read.

    Raises:
        InputError: the directory has no distribution, or a bill of materials is missing or malformed.
    """
    manifest = dist.load_manifest(directory)
    artefacts = [Artefact(item["name"], item["size"], item["sha256"]) for item in manifest["files"]]
    names = {artefact.name for artefact in artefacts}
    disks: dict[str, Inventory] = {}
    for name in sorted(names):
        if not name.endswith(_DISK):
            continue
        sbom = name.removesuffix(_DISK) + _SBOM
        # Nothing outside of the directory is read.
        if sbom not in names or pathlib.PurePath(sbom).name != sbom:
            where = str(directory / dist.MANIFEST)
            raise dist.DistError(f"lists {name!r} without its bill of materials", where=where, fix="publish it again")
        disks[name] = inventory.load(directory / sbom)
    releases = {str(name): str(guest.get("kernel_release") or "") for name, guest in manifest["guests"].items()}
    return Distribution(releases, artefacts, disks)
