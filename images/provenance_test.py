"""The provenance of each image, compared with the image, locks, pins and programs."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any

import pytest

_DIST = pathlib.Path(os.environ["DIST"])
_LOCKS = pathlib.Path("tools/debian/locks")


def _sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _statements() -> list[pathlib.Path]:
    return sorted(_DIST.glob("*.intoto.json"))


def _dependencies(path: pathlib.Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["predicate"]["buildDefinition"]["resolvedDependencies"]


def test_every_image_has_a_provenance() -> None:
    names = {path.name.removesuffix(".qcow2") for path in _DIST.iterdir() if path.suffix == ".qcow2"}
    kinds = ("initramfs-", "vmlinux-", "vmlinuz-")
    names |= {path.name for path in _DIST.iterdir() if path.name.startswith(kinds) and not path.suffix}
    assert len(names) == int(os.environ["IMAGES"])
    assert {path.name.removesuffix(".intoto.json") for path in _statements()} == names


@pytest.mark.parametrize("path", _statements(), ids=lambda path: path.name)
def test_digests_match_the_files(path: pathlib.Path) -> None:
    statement = json.loads(path.read_text())
    (subject,) = statement["subject"]
    assert subject["digest"]["sha256"] == _sha256(_DIST / subject["name"])
    for item in _dependencies(path):
        if "annotations" in item:
            continue
        # Pins have their paths in the workspace as names, programs their shipped names.
        pin = pathlib.Path(item["name"])
        assert item["digest"]["sha256"] == _sha256(pin if pin.exists() else _DIST / pin), pin


@pytest.mark.parametrize("path", _statements(), ids=lambda path: path.name)
def test_packages_match_the_locks(path: pathlib.Path) -> None:
    packages = [item for item in _dependencies(path) if "annotations" in item]
    # An initramfs contains only tiny-init.
    assert packages or path.name.startswith("initramfs-")
    module = pathlib.Path("MODULE.bazel").read_text()
    wheels = pathlib.Path("images/wheels/requirements.txt").read_text()
    for item in packages:
        if item["annotations"]["lock"] == "MODULE.bazel":
            assert item["uri"].startswith("pkg:npm/")
            assert f'package = "{item["name"]}"' in module
            continue
        if item["annotations"]["lock"] == "requirements.txt":
            assert f"sha256:{item['digest']['sha256']}" in wheels
            continue
        lock = json.loads((_LOCKS / item["annotations"]["lock"]).read_text())["packages"]
        # Packages for all architectures are in the lock of each one.
        pinned = {package["path"]: package["sha256"] for found in lock.values() for package in found}
        assert pinned[item["annotations"]["path"]] == item["digest"]["sha256"]


@pytest.mark.parametrize("path", sorted(_DIST.glob("*.spdx.json")), ids=lambda path: path.name)
def test_packages_of_the_bill_of_materials_are_listed(path: pathlib.Path) -> None:
    document = json.loads(path.read_text())
    # Bundled npm packages are not separate downloads.
    downloaded = [package for package in document["packages"] if "checksums" in package]
    assert downloaded
    listed = {package["checksums"][0]["checksumValue"] for package in downloaded}
    statement = path.with_name(path.name.replace(".spdx.", ".intoto."))
    (subject,) = json.loads(statement.read_text())["subject"]
    known = {item["digest"]["sha256"] for item in _dependencies(statement)}
    assert listed <= known | {subject["digest"]["sha256"]}


@pytest.mark.parametrize("path", _statements(), ids=lambda path: path.name)
def test_statement_names_neither_time_nor_machine(path: pathlib.Path) -> None:
    text = path.read_text()
    assert "invocationId" not in text and "startedOn" not in text
    assert str(pathlib.Path.cwd()) not in text
    assert "bazel-out" not in text
