"""Read the files of an image, with their sizes and packages, from its bill of materials."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence

from tools.cli import document, errors
from tools.fsspec import paths
from tools.fsspec.tree import Entry, Kind

_SIZE = re.compile(r"([0-9]{1,15}) bytes", re.ASCII)
_LINK = "hard link to "

_DOCUMENT = document.record(
    name=document.TEXT,
    packages=document.array(document.record(SPDXID=document.TEXT, name=document.TEXT)),
    # A kernel's document has none.
    files=document.array(document.record(SPDXID=document.TEXT, fileName=document.TEXT)),
    relationships=document.array(
        document.record(spdxElementId=document.TEXT, relationshipType=document.TEXT, relatedSpdxElement=document.TEXT)
    ),
)


class InventoryError(errors.InputError):
    """A file that is not the bill of materials of an image."""


@dataclasses.dataclass(frozen=True)
class File:
    """A file of an image.

    Attributes:
        path: its path, without a slash at the beginning.
        size: its bytes; 0 for a hard link to another file.
        package: name of its package; empty if it belongs to the image itself.
    """

    path: str
    size: int
    package: str


@dataclasses.dataclass(frozen=True)
class Inventory:
    """The files of an image.

    Attributes:
        image: file name of the image. A distribution may have renamed it.
        versions: version of each package.
        files: the files; none if the document does not record sizes.
    """

    image: str
    versions: dict[str, str]
    files: Sequence[File]


def comment(entry: Entry) -> str:
    """Return the comment on a file that records its size."""
    if entry.kind is Kind.HARDLINK:
        return f"{_LINK}./{paths.shown(entry.target)}"
    assert entry.content
    return f"{entry.content.size} bytes"


def load(path: str | os.PathLike[str]) -> Inventory:
    """Read a bill of materials of the rule `sbom`.

    Raises:
        InventoryError: the file is not one.
    """
    value = document.load(path, _DOCUMENT, "bill of materials of a disk", error=InventoryError)
    # The first package is the image.
    packages = {package["SPDXID"]: package for package in value["packages"][1:]}
    owners = {
        relation["spdxElementId"]: packages.get(relation["relatedSpdxElement"])
        for relation in value["relationships"]
        if relation["relationshipType"] == "EXPANDED_FROM_ARCHIVE"
    }
    files: list[File] = []
    for file in value["files"]:
        size = _size(str(file.get("comment", "")))
        if size is None:
            # Written before sizes were recorded.
            files = []
            break
        owner = owners.get(file["SPDXID"])
        files.append(File(file["fileName"].removeprefix("./"), size, owner["name"] if owner else ""))
    versions = {package["name"]: str(package.get("versionInfo", "")) for package in packages.values()}
    return Inventory(value["name"], versions, files)


def _size(text: str) -> int | None:
    """Return the size that a comment records; None if it records none."""
    if text.startswith(_LINK):
        return 0
    found = _SIZE.fullmatch(text)
    return int(found[1]) if found else None
