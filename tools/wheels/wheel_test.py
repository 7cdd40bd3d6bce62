"""Test that wheels are unpacked as installers do it, or rejected."""

from __future__ import annotations

import pathlib
import tempfile
import zipfile
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry
from tools.wheels import archive, wheel, wheel_testing

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


def test_unpack_places_files_by_scheme(entries: Any) -> None:
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


def test_unpack_sets_interpreter_of_python_scripts(entries: Any) -> None:
    found = entries({f"{_DATA}/scripts/a": b"#!python\nprint()\n", f"{_DATA}/scripts/b": b"#!/bin/sh\n"})
    assert _bytes(found["usr/local/bin/a"]) == b"#!/usr/bin/python3\nprint()\n"
    assert _bytes(found["usr/local/bin/b"]) == b"#!/bin/sh\n"


def test_unpack_creates_launchers_of_functions(entries: Any) -> None:
    points = b"[console_scripts]\nThing = thing.main:Main.run [extra]\n[other]\nx = y\n"
    found = entries({"thing-1.0.dist-info/entry_points.txt": points})
    assert _bytes(found["usr/local/bin/Thing"]) == (
        b"#!/usr/bin/python3\nimport sys\nfrom thing.main import Main\n"
        b'if __name__ == "__main__":\n    sys.exit(Main.run())\n'
    )


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [("License-Expression: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"), ("License: see LICENSE\n", ""), ("", "")],
)
def test_read_returns_licence_expression(tmp_path: pathlib.Path, metadata: str, licence: str) -> None:
    assert wheel.read(wheel_testing.wheel(tmp_path / "w.whl", metadata=metadata)).licence == licence


def test_unpack_rejects_file_that_differs_from_record(entries: Any) -> None:
    with pytest.raises(wheel.WheelError, match="'a.py' differs from its RECORD"):
        entries({"a.py": b"evil"}, record={"a.py": b"good"})


def test_unpack_rejects_record_of_missing_file(entries: Any) -> None:
    with pytest.raises(wheel.WheelError, match="has no file 'gone.py'"):
        entries({}, record={"gone.py": b""})


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", f"{_DATA}/scripts/../../x"])
def test_unpack_rejects_path_outside_of_directory(entries: Any, name: str) -> None:
    with pytest.raises(errors.InputError, match="path"):
        entries({name: b""})


def test_unpack_rejects_unknown_scheme(entries: Any) -> None:
    with pytest.raises(wheel.WheelError, match=r"is in none of thing-1\.0\.data/data, thing-1\.0\.data/headers"):
        entries({f"{_DATA}/other/a.h": b""})
    with pytest.raises(wheel.WheelError, match="is in none of"):
        entries({f"{_DATA}/a.h": b""})


@pytest.mark.parametrize(
    ("library", "path"),
    [
        ("usr/local/lib/python3.13/dist-packages", "usr/local/include/python3.13/thing/a/b.h"),
        ("usr/lib/python3/dist-packages", "usr/local/include/python3/thing/a/b.h"),
        ("opt/modules", "usr/local/include/thing/a/b.h"),
    ],
)
def test_unpack_places_headers_by_python_of_library(tmp_path: pathlib.Path, library: str, path: str) -> None:
    found = wheel.read(wheel_testing.wheel(tmp_path / "w.whl", {f"{_DATA}/headers/a/b.h": b""}))
    assert path in {entry.path for entry in wheel.unpack(found, library, str(tmp_path / "w.data"))}


def test_unpack_accepts_data_directory_of_another_spelling(entries: Any) -> None:
    found = entries({"Thing_x-1.0.data/scripts/t": b"#!python\n", "thing.data": b"a file"})
    assert {"usr/local/bin/t", "usr/lib/site/thing.data"} <= set(found)


@pytest.mark.parametrize("algorithm", ["sha384", "sha512", "blake2b", "sha3_256"])
def test_unpack_accepts_better_digests(entries: Any, algorithm: str) -> None:
    assert "usr/lib/site/a.py" in entries({"a.py": b"x"}, algorithm=algorithm)
    with pytest.raises(wheel.WheelError, match="differs from its RECORD"):
        entries({"a.py": b"x"}, record={"a.py": b"y"}, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224"])
def test_unpack_rejects_weaker_digests(entries: Any, algorithm: str) -> None:
    with pytest.raises(wheel.WheelError, match="not one of sha256 or better"):
        entries({"a.py": b"x"}, algorithm=algorithm)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("", "is not in its RECORD"),
        ("a.py,,\n", "has no digest in its RECORD"),
        ("a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,1\n", "differs from its RECORD"),
        ("a.py,sha256=,0\n", "not one of sha256"),
        ("a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,-1\n", "bad size"),
        ("a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\n", "malformed line"),
        (f"{'a' * 140_000},,\n", "malformed RECORD"),
    ],
)
def test_unpack_rejects_file_without_complete_row(entries: Any, row: str, message: str) -> None:
    with pytest.raises(wheel.WheelError, match=message):
        entries({"a.py": b""}, unrecorded=["a.py"], rows=[row])


def test_unpack_ignores_rows_of_directories(entries: Any) -> None:
    assert "usr/lib/site/thing/a.py" in entries(
        {"thing/": b"", "thing/a.py": b""}, rows=["thing/,,\n", "thing,,\n", "empty/,,0\n", "\n"]
    )


def test_unpack_excludes_compiled_modules(entries: Any) -> None:
    compiled = "thing/__pycache__/a.cpython-313.pyc"
    found = entries({"thing/a.py": b"", compiled: b"x"}, unrecorded=[compiled], rows=[f"{compiled},,\n"])
    assert not any("__pycache__" in path for path in found)
    assert not any("__pycache__" in path for path in entries({compiled: b"x"}))
    with pytest.raises(wheel.WheelError, match="differs from its RECORD"):
        entries({compiled: b"x"}, record={compiled: b"y"})


def test_unpack_requires_rows_except_of_record_and_signatures(entries: Any) -> None:
    info = "thing-1.0.dist-info"
    signature = f"{info}/RECORD.jws"
    assert f"usr/lib/site/{signature}" not in entries({signature: b"x"}, unrecorded=[signature])
    assert f"usr/lib/site/{info}/RECORDS" in entries({f"{info}/RECORDS": b"x"})
    with pytest.raises(wheel.WheelError, match="is not in its RECORD"):
        entries({f"{info}/RECORDS": b"x"}, unrecorded=[f"{info}/RECORDS"])


def test_unpack_normalises_names(entries: Any) -> None:
    found = entries({"thing\\win.py": b"1", "./thing//dot/./a.py": b"2", f"{_DATA}\\scripts\\run": b"3"})
    assert {"usr/lib/site/thing/win.py", "usr/lib/site/thing/dot/a.py", "usr/local/bin/run"} <= set(found)
    digest = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"
    assert "usr/lib/site/a/b.py" in entries({"a/b.py": b""}, unrecorded=["a/b.py"], rows=[f"a\\b.py,{digest}\n"])
    with pytest.raises(wheel.WheelError, match=r"'thing/a\.py' twice"):
        entries({"thing\\a.py": b"1", "thing/a.py": b"1"})


def test_unpack_reads_texts_with_byte_order_mark_or_latin_1(entries: Any) -> None:
    info = "thing-1.0.dist-info"
    found = entries(
        {
            f"{info}/METADATA": b"\n\nMetadata-Version: 2.1\nNAME: thing\nVersion: 1.0\nAuthor: J\xf6rg\n",
            f"{info}/WHEEL": b"\xef\xbb\xbfwheel-version: 1.0\r\nRoot-Is-Purelib: true\r\n\r\nTag: py3-none-any\r\n",
            f"{info}/entry_points.txt": b"\xef\xbb\xbf[console_scripts]\na = b:c\n",
        }
    )
    assert "usr/local/bin/a" in found


def test_unpack_creates_launchers_of_both_kinds(entries: Any) -> None:
    points = (
        b"; a comment\nx = y\n[gui_scripts]\n  _window = thing:main\n"
        b"[ console_scripts ]\n  my tool=thing.cli : App.main [extra]\n    deeper = thing:main\n# end\n"
        b"[other]\nno function\n"
    )
    found = entries({"thing-1.0.dist-info/entry_points.txt": points})
    assert {path for path in found if "/bin/" in path} == {
        "usr/local/bin/_window",
        "usr/local/bin/my tool",
        "usr/local/bin/deeper",
    }


def test_unpack_replaces_script_by_launcher(entries: Any) -> None:
    points = b"[console_scripts]\ntool = old:main\ntool = thing:main\n"
    found = entries({f"{_DATA}/scripts/tool": b"#!python\n", "thing-1.0.dist-info/entry_points.txt": points, "z": b"z"})
    assert b"from thing import main" in _bytes(found["usr/local/bin/tool"])
    assert _bytes(found["usr/lib/site/z"]) == b"z"


@pytest.mark.parametrize("points", [b"x = no function", b"../x = a:b", b"x", b"x = a:b;c", b"= a:b", b"x\t\1 = a:b"])
def test_unpack_rejects_malformed_entry_points(entries: Any, points: bytes) -> None:
    with pytest.raises(errors.InputError):
        entries({"thing-1.0.dist-info/entry_points.txt": b"[console_scripts]\n" + points + b"\n"})


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unpack_reads_every_compression(entries: Any, method: int) -> None:
    data = bytes(range(256)) * 9000
    assert _bytes(entries({f"{_DATA}/scripts/a": data}, method=method)["usr/local/bin/a"]) == data


def test_unpack_rejects_too_many_bytes(entries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "UNPACKED_MAX", 500)
    with pytest.raises(wheel.WheelError, match="has more than 500 bytes"):
        entries({"a.py": bytes(300), "b.py": bytes(300)})


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(strategies.data(), strategies.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]))
def test_unpack_of_damaged_bytes_rejects_or_reads(data: strategies.DataObject, method: int) -> None:
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "w.whl"
        points = b"[console_scripts]\na = b:c\n"
        files = {"a.py": b"x = 1\n", "thing-1.0.dist-info/entry_points.txt": points}
        raw = bytearray(pathlib.Path(wheel_testing.wheel(path, files, method=method)).read_bytes())
        for at in data.draw(strategies.lists(strategies.integers(0, len(raw) - 1), min_size=1, max_size=4)):
            raw[at] = data.draw(strategies.integers(0, 255))
        path.write_bytes(raw[: data.draw(strategies.sampled_from([len(raw), len(raw) // 2]))])
        try:
            entries = wheel.unpack(wheel.read(str(path)), _LIBRARY, f"{work}/data")
        except errors.InputError:
            return
        assert all(entry.content for entry in entries)


def test_read_rejects_other_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "w.whl").write_bytes(b"no zip")
    with pytest.raises(wheel.WheelError, match="is not a wheel"):
        wheel.read(str(tmp_path / "w.whl"))
    with pytest.raises(wheel.WheelError, match="format 1"):
        wheel.read(wheel_testing.wheel(tmp_path / "w.whl", about="Wheel-Version: 2.0\n"))
    with pytest.raises(wheel.WheelError, match="bad name"):
        wheel.read(wheel_testing.wheel(tmp_path / "w.whl", version="1 0"))


def test_unpack_rejects_damaged_wheel(tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(wheel_testing.wheel(tmp_path / "w.whl", {"a.py": bytes(range(256)) * 64}))
    found = wheel.read(str(path))
    data = bytearray(path.read_bytes())
    at = data.index(b"a.py") + 40
    data[at : at + 30] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(wheel.WheelError, match="cannot be unpacked"):
        wheel.unpack(found, _LIBRARY, str(tmp_path / "w.data"))
