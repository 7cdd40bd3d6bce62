"""Test that a variant has the contents that its ten lines declare."""

from __future__ import annotations

import json
import os
import pathlib

_DISK = pathlib.Path(os.environ["DISK"])


def _files(variable: str) -> set[str]:
    document = json.loads(pathlib.Path(os.environ[variable]).read_text())
    return {file["fileName"] for file in document["files"]}


_FILES = _files("SBOM")


def test_disk_has_name_and_size() -> None:
    header = _DISK.read_bytes()[:32]
    assert _DISK.name == "own-base-x86_64.qcow2"
    # Big-endian, at byte 24 of a qcow2 header.
    assert int.from_bytes(header[24:32], "big") == 512 << 20


def test_variant_has_its_additional_file() -> None:
    assert "./usr/local/bin/greeting" in _FILES


def test_variant_has_agent_and_base() -> None:
    assert {"./usr/local/bin/guest-agent", "./etc/passwd", "./usr/bin/bash"} <= _FILES


def test_variant_lacks_excluded_file() -> None:
    assert "./usr/bin/jq" not in _FILES


def test_layer_is_unchanged_below_variant() -> None:
    assert _files("UPON") == _FILES | {"./etc/upon"}
