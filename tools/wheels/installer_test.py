"""Compare unpacked wheels with those of PyPA's `installer`, the reference."""

from __future__ import annotations

import pathlib
import stat
import tempfile
import warnings

import hypothesis
import installer
import pytest
from hypothesis import strategies
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

from tools.fsspec import content
from tools.wheels import wheel, wheel_testing

_LIBRARY = "usr/local/lib/python3.13/dist-packages"
_DATA = "thing-1.0.data"
_INFO = "thing-1.0.dist-info"
_SCHEMES = {
    "data": "usr/local",
    "headers": "usr/local/include/python3.13/thing",
    "platlib": _LIBRARY,
    "purelib": _LIBRARY,
    "scripts": "usr/local/bin",
}

Installed = dict[str, tuple[bool, bytes]]

# Without characters that the reference reads as ends of lines in RECORD.
_names = strategies.text(
    strategies.characters(min_codepoint=0x20, max_codepoint=0x1FFF, exclude_characters="/\\\x7f\x85"),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", ".."))
_places = strategies.sampled_from(["", *(f"{_DATA}/{scheme}/" for scheme in _SCHEMES)])
_contents = strategies.one_of(
    strategies.binary(max_size=40),
    strategies.binary(max_size=40).map(lambda data: b"#!python" + data),
)


def _expected(path: str) -> Installed:
    """Install a wheel by the reference; return for each file whether it is executable, and its bytes."""
    with tempfile.TemporaryDirectory() as root, WheelFile.open(pathlib.Path(path)) as source, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source.validate_record()
        destination = SchemeDictionaryDestination(
            {scheme: f"{root}/{place}" for scheme, place in _SCHEMES.items()}, "/usr/bin/python3", "posix"
        )
        installer.install(source, destination, {})
        return {
            str(file.relative_to(root)): (bool(file.stat().st_mode & stat.S_IXUSR), file.read_bytes())
            for file in pathlib.Path(root).rglob("*")
            if file.is_file() and file != pathlib.Path(root, _LIBRARY, _INFO, "RECORD")
        }


def _found(path: str) -> Installed:
    with tempfile.TemporaryDirectory() as work:
        return {
            entry.path: (bool(entry.mode & stat.S_IXUSR), content.read(entry.content))
            for entry in wheel.unpack(wheel.read(path), _LIBRARY, f"{work}/data")
            if entry.content
        }


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_unpack_of_every_scheme_equals_reference(tmp_path: pathlib.Path, algorithm: str) -> None:
    files = {
        "thing/__init__.py": b"x = 1\n",
        "thing/__pycache__/__init__.cpython-313.pyc": b"compiled",
        'thing/a,b "c".txt': b"data",
        f"{_DATA}/data/share/thing/x.txt": b"x",
        f"{_DATA}/headers/thing/x.h": b"int x;\n",
        f"{_DATA}/platlib/thing/native.so": b"\x7fELF",
        f"{_DATA}/purelib/other.py": b"",
        f"{_DATA}/scripts/program": b"#!pythonw -u\r\nprint()\n",
        f"{_DATA}/scripts/shell": b"#!/bin/sh\n",
        f"{_INFO}/licenses/LICENSE": b"MIT",
    }
    path = wheel_testing.wheel(tmp_path / "thing-1.0-py3-none-any.whl", files, algorithm=algorithm)
    assert _found(path) == _expected(path)


def test_unpack_of_entry_points_creates_programs_of_reference(tmp_path: pathlib.Path) -> None:
    points = (
        b"# programs\n[console_scripts]\nThing = thing.main:Main.run [extra]\n_x=thing:x\n\n[gui_scripts]\nmy w = t:w\n"
    )
    path = wheel_testing.wheel(tmp_path / "thing-1.0-py3-none-any.whl", {f"{_INFO}/entry_points.txt": points})
    found, expected = _found(path), _expected(path)
    assert found.keys() == expected.keys()
    for program in ("Thing", "_x", "my w"):
        lines = found[f"usr/local/bin/{program}"][1].splitlines()
        assert found[f"usr/local/bin/{program}"][0]
        # The reference's program also repairs sys.argv for Windows.
        assert set(lines) <= set(expected[f"usr/local/bin/{program}"][1].splitlines())


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(strategies.dictionaries(_names, strategies.tuples(_places, _contents), max_size=6))
def test_unpack_of_any_wheel_equals_reference(files: dict[str, tuple[str, bytes]]) -> None:
    placed = {place + name: data for name, (place, data) in files.items()}
    with tempfile.TemporaryDirectory() as work:
        path = wheel_testing.wheel(pathlib.Path(work) / "thing-1.0-py3-none-any.whl", placed)
        assert _found(path) == _expected(path)
