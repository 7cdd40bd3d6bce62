"""A distribution is read from its manifest and its bills of materials alone."""

from __future__ import annotations

import json
import pathlib

import pytest

from tools.mkdist import dist
from tools.report import contents, report_testing
from tools.report.report_testing import DISK


@pytest.fixture(name="made")
def _made(tmp_path: pathlib.Path) -> pathlib.Path:
    return report_testing.make(tmp_path / "dist")


def test_distribution_has_artefacts_disks_and_releases(made: pathlib.Path) -> None:
    (made / DISK).unlink()
    found = contents.load(made)
    assert [artefact.name for artefact in found.artefacts] == [
        DISK,
        "python-base-x86_64.spdx.json",
        "vmlinuz-x86_64",
    ]
    assert found.releases == {"x86_64": "6.12.1-own"}
    assert list(found.disks) == [DISK] and len(found.disks[DISK].files) == 10


@pytest.mark.parametrize("name", ["other.qcow2", "../outside.qcow2", "/etc/x.qcow2"])
def test_disk_without_bill_of_materials_is_rejected(made: pathlib.Path, name: str) -> None:
    manifest = json.loads((made / dist.MANIFEST).read_text())
    manifest["files"].append({"name": name, "size": 1, "sha256": "ab"})
    if "/" in name:
        manifest["files"].append({"name": name.replace(".qcow2", ".spdx.json"), "size": 1, "sha256": "ab"})
    (made / dist.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(dist.DistError, match="without its bill of materials"):
        contents.load(made)


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", -1), ("size", 10**400), ("size", "1"), ("name", 1), ("sha256", None), ("guests", {"x86_64": []})],
)
def test_malformed_manifest_is_rejected(made: pathlib.Path, field: str, value: object) -> None:
    manifest = json.loads((made / dist.MANIFEST).read_text())
    (manifest if field == "guests" else manifest["files"][0])[field] = value
    (made / dist.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(dist.DistError, match=r"is not a manifest\.json of a distribution"):
        contents.load(made)


def test_directory_without_distribution_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(dist.DistError, match=r"has no manifest\.json"):
        contents.load(tmp_path)
