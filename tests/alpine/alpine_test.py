"""Test the rules from an Alpine package to an initramfs."""

from __future__ import annotations

import json
import os
import pathlib
import tarfile

import pytest

from tools.extract_kernel import kernel_testing as make


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
def test_rules_make_initramfs_of_alpine_package(architecture: str) -> None:
    files = {path.name: path for path in map(pathlib.Path, os.environ["FILES"].split()) if architecture in path.name}
    assert files[f"vmlinuz-{architecture}.release"].read_text() == make.RELEASE + "\n"
    with tarfile.open(files[f"vmlinuz-{architecture}.modules.tar"]) as tar:
        assert f"lib/modules/{make.RELEASE}/kernel/net/c.ko.gz" in tar.getnames()
    report = json.loads(files[f"initramfs-{architecture}.modules.json"].read_text())
    assert report["kernel_release"] == make.RELEASE
    # Each module comes after those it needs.
    assert [module["file"] for module in report["modules"]] == ["a.ko", "b-dash.ko", "c.ko"]
