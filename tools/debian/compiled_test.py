"""Test that programs find the compiled form of external modules."""

from __future__ import annotations

import pathlib
import struct
import sys
import types
from collections.abc import Iterator

from absl import app as app

# PEP 552: the lowest bit says that the file has a hash of its source, the next one that Python checks it.
_UNCHECKED_HASH = 0b01

_EXTERNAL = ("/usr/lib/python3.13/", "/site-packages/")


def _compiled() -> Iterator[tuple[types.ModuleType, pathlib.Path]]:
    for module in list(sys.modules.values()):
        origin, cached = getattr(module, "__file__", None), getattr(module, "__cached__", None)
        if cached and origin and any(directory in origin for directory in _EXTERNAL):
            yield module, pathlib.Path(cached)


def test_external_modules_are_compiled() -> None:
    found = dict(_compiled())
    assert app in found
    assert sys.modules["_pytest"] in found
    assert sys.modules["json"] in found
    assert [str(path) for path in found.values() if not path.exists()] == []


def test_time_of_source_does_not_matter() -> None:
    for _, path in _compiled():
        _, flags = struct.unpack_from("<4sI", path.read_bytes())
        assert flags == _UNCHECKED_HASH, path
