"""npm packages become the entries of a global installation, or are rejected."""

from __future__ import annotations

import gzip
import pathlib
import tarfile
import tempfile
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry
from tools.npm import package, package_testing
from tools.packages import tarball
from tools.packages.tarball import PackageError

_DIRECTORY = "usr/local/lib/node_modules"


@pytest.fixture(name="entries")
def _entries(tmp_path: pathlib.Path) -> Any:
    def unpack(files: dict[str, bytes], **fields: Any) -> dict[str, Entry]:
        tar = str(tmp_path / "p.tar")
        found = package.read(package_testing.package(tmp_path / "p.tgz", files, **fields), tar)
        return {entry.path: entry for entry in package.unpack(found, tar)}

    return unpack


def _bytes(entry: Entry) -> bytes:
    assert entry.content
    return content.read(entry.content)


def test_files_and_programs_are_where_npm_puts_them(entries: Any) -> None:
    found = entries(
        {"bin/cli.js": b"#!/usr/bin/env node\n", "node_modules/x/a.js": b"x"}, bin={"thing": "./bin/cli.js"}
    )
    assert sorted(found) == [
        "usr/local/bin/thing",
        f"{_DIRECTORY}/thing/bin/cli.js",
        f"{_DIRECTORY}/thing/node_modules/x/a.js",
        f"{_DIRECTORY}/thing/package.json",
    ]
    assert found["usr/local/bin/thing"].target == "../lib/node_modules/thing/bin/cli.js"
    program, module = found[f"{_DIRECTORY}/thing/bin/cli.js"], found[f"{_DIRECTORY}/thing/node_modules/x/a.js"]
    assert (program.mode, module.mode, module.uid) == (0o755, 0o644, 0)
    assert _bytes(module) == b"x"
    assert {entry.origin for entry in found.values()} == {"thing 1.0.0 (npm, any)"}


def test_scoped_package_with_one_program_is_read(entries: Any) -> None:
    found = entries({"cli.js": b""}, name="@team/thing", bin="cli.js", directory="other")
    assert found["usr/local/bin/thing"].target == "../lib/node_modules/@team/thing/cli.js"
    assert f"{_DIRECTORY}/@team/thing/package.json" in found


@pytest.mark.parametrize(
    ("fields", "architecture", "licence"),
    [
        ({}, "any", ""),
        ({"cpu": ["x64"], "license": "MIT"}, "x86_64", "MIT"),
        ({"cpu": "arm64", "license": {"type": "MIT"}}, "aarch64", ""),
    ],
)
def test_description_is_read(tmp_path: pathlib.Path, fields: Any, architecture: str, licence: str) -> None:
    found = package.read(package_testing.package(tmp_path / "p.tgz", **fields), str(tmp_path / "p.tar"))
    assert (found.architecture, found.licence) == (architecture, licence)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "../x"}, "bad name"),
        ({"name": ".x"}, "bad name"),
        ({"name": "node_modules"}, "bad name"),
        ({"name": "@s/../x"}, "bad name"),
        ({"name": None}, "bad name"),
        ({"version": "1 0"}, "bad version"),
        ({"bin": {"x": 1}}, "bad program"),
        ({"bin": {"x": "../../etc/x"}}, "has no 'etc/x'"),
        ({"bin": {"x": "gone.js"}}, "has no 'gone.js'"),
        ({"bin": {"a\nb": "package.json"}}, "control characters"),
    ],
)
def test_bad_description_is_rejected(entries: Any, fields: Any, message: str) -> None:
    with pytest.raises(errors.InputError, match=message):
        entries({}, **fields)


@pytest.mark.parametrize("name", ["JSONStream", "a", "@Team/It's~Fine!", "x(y)*"])
def test_legacy_name_is_accepted(entries: Any, name: str) -> None:
    assert f"{_DIRECTORY}/{name}/package.json" in entries({}, name=name)


def test_first_line_of_a_program_is_repaired(entries: Any) -> None:
    text = b"#!/usr/bin/env node\r\nx\r\n"
    found = entries({"cli.js": text, "lib.js": text}, bin="cli.js")
    program, module = found[f"{_DIRECTORY}/thing/cli.js"], found[f"{_DIRECTORY}/thing/lib.js"]
    assert _bytes(program) == b"#!/usr/bin/env node\nx\r\n"
    assert _bytes(module) == text


def test_links_and_files_beside_the_directory_are_excluded(tmp_path: pathlib.Path) -> None:
    path, tar = tmp_path / "p.tgz", str(tmp_path / "p.tar")
    links = {"package/link": "/etc/passwd", "loose": "x"}
    found = package.read(package_testing.package(path, {}, links=links), tar)
    assert found.left_out == ("package/link", "loose")
    assert [entry.path for entry in package.unpack(found, tar)] == [f"{_DIRECTORY}/thing/package.json"]


def test_paths_are_normalised(entries: Any) -> None:
    found = entries({"./a.js": b"1", "b/./c.js": b"2", "d//e.js": b"3", "f/../g.js": b"4"})
    assert {f"{_DIRECTORY}/thing/{name}" for name in ("a.js", "b/c.js", "d/e.js", "g.js")} <= set(found)


@pytest.mark.parametrize("name", ["../a.js", "a/../../b.js", "../../../etc/passwd"])
def test_path_outside_of_the_package_is_rejected(entries: Any, name: str) -> None:
    with pytest.raises(PackageError, match="is outside of the package"):
        entries({name: b""})


def test_later_file_of_one_path_wins(entries: Any) -> None:
    found = entries({"a.js": b"1", "./a.js": b"2"})[f"{_DIRECTORY}/thing/a.js"]
    assert _bytes(found) == b"2"


def test_archive_without_final_blocks_is_accepted(entries: Any) -> None:
    assert f"{_DIRECTORY}/thing/a.js" in entries({"a.js": b"1"}, is_ended=False)


@pytest.mark.parametrize("cut", [1, 511, 513])
def test_truncated_archive_is_rejected(tmp_path: pathlib.Path, cut: int) -> None:
    path = tmp_path / "p.tgz"
    package_testing.package(path, {"a.js": b"1" * 512}, is_ended=False)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-cut]))
    with pytest.raises(PackageError, match="archive is damaged"):
        package.read(str(path), str(tmp_path / "p.tar"))


def test_bad_header_is_rejected(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "p.tgz"
    package_testing.package(path, {"a.js": b"", "b.js": b""})
    raw = gzip.decompress(path.read_bytes())
    at = raw.index(b"package/b.js")
    path.write_bytes(gzip.compress(raw[:at] + b"damaged" + raw[at + 7 :]))
    with pytest.raises(PackageError, match="has a bad header"):
        package.read(str(path), str(tmp_path / "p.tar"))


def test_member_with_a_negative_size_is_rejected(tmp_path: pathlib.Path) -> None:
    member = tarfile.TarInfo("package/package.json")
    member.size = -512
    (tmp_path / "p.tgz").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(PackageError, match="negative size|invalid offset"):
        package.read(str(tmp_path / "p.tgz"), str(tmp_path / "p.tar"))


def test_uncompressed_archive_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "p.tgz"
    package_testing.package(path)
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert package.read(str(path), str(tmp_path / "p.tar")).name == "thing"


@pytest.mark.parametrize("text", [b"no JSON", b"[]", b"[" * 100_000, b"\xff"])
def test_bad_package_json_is_rejected(entries: Any, text: bytes) -> None:
    with pytest.raises(PackageError, match="package.json: is not"):
        entries({"package.json": text})
    with pytest.raises(PackageError, match="node_modules/a/package.json: is not"):
        entries({"node_modules/a/package.json": text})


def test_too_large_package_is_rejected(entries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "UNPACKED_MAX", 5000)
    with pytest.raises(PackageError, match="has more than 5000 bytes"):
        entries({"a.js": bytes(9000)})


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(strategies.data())
def test_damaged_bytes_are_rejected_or_read(data: strategies.DataObject) -> None:
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "p.tgz"
        package_testing.package(path, {"a.js": b"#!x\r\n", "node_modules/b/package.json": b"{}"}, bin="a.js")
        raw = bytearray(gzip.decompress(path.read_bytes()))
        for at in data.draw(strategies.lists(strategies.integers(0, len(raw) - 1), min_size=1, max_size=4)):
            raw[at] = data.draw(strategies.integers(0, 255))
        path.write_bytes(gzip.compress(bytes(raw), 1))
        try:
            package.unpack(package.read(str(path), f"{work}/tar"), f"{work}/tar")
        except errors.InputError:
            pass


@pytest.mark.parametrize("data", [b"", b"no gzip", b"\x1f\x8b\x08\x00"])
def test_malformed_package_is_rejected(tmp_path: pathlib.Path, data: bytes) -> None:
    (tmp_path / "p.tgz").write_bytes(data)
    with pytest.raises(PackageError):
        package.read(str(tmp_path / "p.tgz"), str(tmp_path / "p.tar"))


def test_archive_without_a_description_is_rejected(tmp_path: pathlib.Path) -> None:
    path = package_testing.package(tmp_path / "p.tgz", directory="a/b")
    with pytest.raises(PackageError, match="has no package.json"):
        package.read(path, str(tmp_path / "p.tar"))
