"""The report and other readers get the sizes of files back from a bill of materials."""

from __future__ import annotations

import json
import pathlib

import pytest

from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind
from tools.mkdist import inventory, ownership, sbom
from tools.mkdist.inventory import File

_BASH = ownership.Package("deb", "bash", "5.2", "amd64", "", "ab" * 32)
_ENTRIES = [
    Entry(path="etc/hostname", kind=Kind.FILE, mode=0o644, content=Inline(b""), origin="//images/base:base"),
    Entry(path="usr/bin/bash", kind=Kind.FILE, mode=0o755, content=Inline(b"12345"), origin=str(_BASH)),
    Entry(path="usr/bin/caf\udce9", kind=Kind.FILE, mode=0o755, content=Inline(b"123"), origin=str(_BASH)),
    Entry(path="usr/bin/rbash", kind=Kind.HARDLINK, mode=0o644, target="usr/bin/bash", origin=str(_BASH)),
]


@pytest.fixture()
def written(tmp_path: pathlib.Path) -> pathlib.Path:
    image, path = tmp_path / "raw.qcow2", tmp_path / "raw.spdx.json"
    image.write_bytes(b"image")
    report = ownership.Report("x86_64", [_BASH], [])
    path.write_text(sbom.render(image.name, str(image), _ENTRIES, ownership.assign(_ENTRIES, report), report))
    return path


def test_inventory_has_sizes_and_packages(written: pathlib.Path) -> None:
    found = inventory.load(written)
    assert (found.image, found.versions) == ("raw.qcow2", {"bash": "5.2"})
    assert found.files == [
        File("etc/hostname", 0, ""),
        File("usr/bin/bash", 5, "bash"),
        File("usr/bin/caf\\xe9", 3, "bash"),
        File("usr/bin/rbash", 0, "bash"),
    ]


def test_document_without_sizes_has_no_files(written: pathlib.Path) -> None:
    document = json.loads(written.read_text())
    del document["files"][2]["comment"]
    written.write_text(json.dumps(document))
    assert inventory.load(written).files == []


@pytest.mark.parametrize("missing", ["name", "packages", "files", "relationships"])
def test_other_document_is_rejected(written: pathlib.Path, missing: str) -> None:
    document = json.loads(written.read_text())
    del document[missing]
    written.write_text(json.dumps(document))
    with pytest.raises(inventory.InventoryError, match="is not a bill of materials of a disk"):
        inventory.load(written)
