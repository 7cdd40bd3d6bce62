"""Wheels become entries as an installer would make them, or are refused."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry
from tools.wheels import wheel, wheel_testing

_LIBRARY = "usr/lib/site"
_DATA = "thing-1.0.data"


@pytest.fixture(name="entries")
def _entries(tmp_path: pathlib.Path) -> Any:
    def unpack(files: dict[str, bytes], **options: Any) -> dict[str, Entry]:
        found = wheel.read(wheel_testing.wheel(tmp_path / "w.whl", files, **options))
        return {entry.path: entry for entry in wheel.unpack(found, _LIBRARY, str(tmp_path / "w.data"))}

    return unpack


def _bytes(entry: Entry) -> bytes:
    assert entry.content
    return content.read(entry.content)


def test_files_go_where_an_installer_puts_them(entries: Any) -> None:
    found = entries(
        {
            "thing/__init__.py": b"x = 1\n",
            f"{_DATA}/scripts/tool": b"\x7fELF",
            f"{_DATA}/data/share/thing.txt": b"data\n",
            f"{_DATA}/platlib/thing/part.py": b"",
        }
    )
    assert sorted(found) == [
        "usr/lib/site/thing-1.0.dist-info/METADATA",
        "usr/lib/site/thing-1.0.dist-info/WHEEL",
        "usr/lib/site/thing/__init__.py",
        "usr/lib/site/thing/part.py",
        "usr/local/bin/tool",
        "usr/local/share/thing.txt",
    ]
    assert _bytes(found["usr/lib/site/thing/__init__.py"]) == b"x = 1\n"
    assert (found["usr/local/bin/tool"].mode, found["usr/lib/site/thing/part.py"].mode) == (0o755, 0o644)
    assert {(entry.uid, entry.gid, entry.origin) for entry in found.values()} == {(0, 0, "thing 1.0 (wheel, any)")}


def test_scripts_get_the_interpreter(entries: Any) -> None:
    found = entries({f"{_DATA}/scripts/a": b"#!python\nprint()\n", f"{_DATA}/scripts/b": b"#!/bin/sh\n"})
    assert _bytes(found["usr/local/bin/a"]) == b"#!/usr/bin/python3\nprint()\n"
    assert _bytes(found["usr/local/bin/b"]) == b"#!/bin/sh\n"


def test_functions_get_launchers(entries: Any) -> None:
    points = b"[console_scripts]\nThing = thing.main:Main.run [extra]\n[other]\nx = y\n"
    found = entries({"thing-1.0.dist-info/entry_points.txt": points})
    assert _bytes(found["usr/local/bin/Thing"]) == (
        b"#!/usr/bin/python3\nimport sys\nfrom thing.main import Main\nsys.exit(Main.run())\n"
    )


@pytest.mark.parametrize(
    ("tags", "architecture"),
    [
        (("py3-none-any", "py2-none-any"), "any"),
        (("py3-none-manylinux_2_17_x86_64", "py3-none-manylinux2014_x86_64"), "x86_64"),
        (("cp313-cp313-musllinux_1_1_aarch64",), "aarch64"),
        (("py3-none-linux_x86_64",), "x86_64"),
    ],
)
def test_architecture_is_that_of_the_tags(tmp_path: pathlib.Path, tags: tuple[str, ...], architecture: str) -> None:
    assert wheel.read(wheel_testing.wheel(tmp_path / "w.whl", tags=tags)).architecture == architecture


@pytest.mark.parametrize(
    "tags",
    [
        (),
        ("py3-none-win_amd64",),
        ("py3-none-macosx_11_0_arm64",),
        ("py3-none-manylinux_2_17_x86_64", "py3-none-manylinux_2_17_aarch64"),
        ("py3-none-manylinux_2_17_i686",),
    ],
)
def test_wheel_of_no_one_architecture_is_refused(tmp_path: pathlib.Path, tags: tuple[str, ...]) -> None:
    path = wheel_testing.wheel(tmp_path / "w.whl", tags=tags)
    with pytest.raises(wheel.WheelError, match="is for"):
        wheel.read(path)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [("License-Expression: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"), ("License: see LICENSE\n", ""), ("", "")],
)
def test_licence_is_the_expression(tmp_path: pathlib.Path, metadata: str, licence: str) -> None:
    assert wheel.read(wheel_testing.wheel(tmp_path / "w.whl", metadata=metadata)).licence == licence


def test_file_that_is_not_the_recorded_one_is_refused(entries: Any) -> None:
    with pytest.raises(wheel.WheelError, match="'a.py' is not the one of its RECORD"):
        entries({"a.py": b"evil"}, record={"a.py": b"good"})


def test_recorded_file_that_is_missing_is_refused(entries: Any) -> None:
    with pytest.raises(wheel.WheelError, match="has no file 'gone.py'"):
        entries({}, record={"gone.py": b""})


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", f"{_DATA}/scripts/../../x"])
def test_file_outside_of_its_folder_is_refused(entries: Any, name: str) -> None:
    with pytest.raises(errors.InputError, match="path"):
        entries({name: b""})


def test_file_of_an_unknown_scheme_is_refused(entries: Any) -> None:
    with pytest.raises(wheel.WheelError, match="nothing says where it goes"):
        entries({f"{_DATA}/headers/a.h": b""})


@pytest.mark.parametrize(
    "points", [b"[console_scripts]\nx = no function\n", b"[console_scripts]\n../x = a:b\n", b"x = y\n"]
)
def test_bad_programs_are_refused(entries: Any, points: bytes) -> None:
    with pytest.raises(wheel.WheelError):
        entries({"thing-1.0.dist-info/entry_points.txt": points})


def test_what_is_no_wheel_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "w.whl").write_bytes(b"no zip")
    with pytest.raises(wheel.WheelError, match="is no wheel"):
        wheel.read(str(tmp_path / "w.whl"))
    with pytest.raises(wheel.WheelError, match="format 1"):
        wheel.read(wheel_testing.wheel(tmp_path / "w.whl", about="Wheel-Version: 2.0\n"))
    with pytest.raises(wheel.WheelError, match="bad name"):
        wheel.read(wheel_testing.wheel(tmp_path / "w.whl", version="1 0"))


def test_damaged_wheel_is_refused(tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(wheel_testing.wheel(tmp_path / "w.whl", {"a.py": bytes(range(256)) * 64}))
    found = wheel.read(str(path))
    data = bytearray(path.read_bytes())
    at = data.index(b"a.py") + 40
    data[at : at + 30] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(wheel.WheelError, match="cannot be unpacked"):
        wheel.unpack(found, _LIBRARY, str(tmp_path / "w.data"))
