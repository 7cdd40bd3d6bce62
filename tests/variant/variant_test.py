"""A variant of somebody's own is made as its ten lines say."""

from __future__ import annotations

import json
import os
import pathlib

_DISK = pathlib.Path(os.environ["DISK"])


def _files(variable: str) -> set[str]:
    document = json.loads(pathlib.Path(os.environ[variable]).read_text())
    return {file["fileName"] for file in document["files"]}


_FILES = _files("SBOM")


def test_disk_has_its_name_and_size() -> None:
    header = _DISK.read_bytes()[:32]
    assert _DISK.name == "own-base-x86_64.qcow2"
    # Big-endian, at byte 24 of a qcow2 header.
    assert int.from_bytes(header[24:32], "big") == 512 << 20


def test_file_of_its_own_is_in_it() -> None:
    assert "./usr/local/bin/greeting" in _FILES


def test_agent_and_base_are_in_it() -> None:
    assert {"./usr/local/bin/guest-agent", "./etc/passwd", "./usr/bin/bash"} <= _FILES


def test_excluded_file_is_not() -> None:
    assert "./usr/bin/jq" not in _FILES


def test_layer_is_whole_below_what_lies_upon_it() -> None:
    assert _files("UPON") == _FILES | {"./etc/upon"}
