"""npm packages become entries as a global installation would make them, or are refused."""

from __future__ import annotations

import io
import pathlib
import tarfile
from typing import Any

import pytest

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry
from tools.npm import package, package_testing
from tools.packages.tarball import PackageError

_FOLDER = "usr/local/lib/node_modules"


@pytest.fixture(name="entries")
def _entries(tmp_path: pathlib.Path) -> Any:
    def unpack(files: dict[str, bytes], **fields: Any) -> dict[str, Entry]:
        tar = str(tmp_path / "p.tar")
        found = package.read(package_testing.package(tmp_path / "p.tgz", files, **fields), tar)
        return {entry.path: entry for entry in package.unpack(found, tar)}

    return unpack


def test_files_and_programs_go_where_npm_puts_them(entries: Any) -> None:
    found = entries(
        {"bin/cli.js": b"#!/usr/bin/env node\n", "node_modules/x/a.js": b"x"}, bin={"thing": "./bin/cli.js"}
    )
    assert sorted(found) == [
        "usr/local/bin/thing",
        f"{_FOLDER}/thing/bin/cli.js",
        f"{_FOLDER}/thing/node_modules/x/a.js",
        f"{_FOLDER}/thing/package.json",
    ]
    assert found["usr/local/bin/thing"].target == "../lib/node_modules/thing/bin/cli.js"
    program, module = found[f"{_FOLDER}/thing/bin/cli.js"], found[f"{_FOLDER}/thing/node_modules/x/a.js"]
    assert (program.mode, module.mode, module.uid) == (0o755, 0o644, 0)
    assert module.content and content.read(module.content) == b"x"
    assert {entry.origin for entry in found.values()} == {"thing 1.0.0 (npm, any)"}


def test_scopes_and_single_programs(entries: Any) -> None:
    found = entries({"cli.js": b""}, name="@team/thing", bin="cli.js", folder="other")
    assert found["usr/local/bin/thing"].target == "../lib/node_modules/@team/thing/cli.js"
    assert f"{_FOLDER}/@team/thing/package.json" in found


@pytest.mark.parametrize(
    ("fields", "architecture", "licence"),
    [
        ({}, "any", ""),
        ({"cpu": ["x64"], "license": "MIT"}, "x86_64", "MIT"),
        ({"cpu": "arm64", "license": {"type": "MIT"}}, "aarch64", ""),
    ],
)
def test_what_a_package_says(tmp_path: pathlib.Path, fields: Any, architecture: str, licence: str) -> None:
    found = package.read(package_testing.package(tmp_path / "p.tgz", **fields), str(tmp_path / "p.tar"))
    assert (found.architecture, found.licence) == (architecture, licence)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "../x"}, "bad name"),
        ({"name": None}, "bad name"),
        ({"version": "1 0"}, "bad version"),
        ({"cpu": ["x64", "arm64"]}, "must be for one architecture"),
        ({"cpu": ["mips"]}, "must be for one architecture"),
        ({"bin": {"../x": "a"}}, "bad program"),
        ({"bin": {"x": 1}}, "bad program"),
        ({"bin": {"x": "../../etc/x"}}, "component"),
        ({"bin": {"x": "gone.js"}}, "has no 'gone.js'"),
    ],
)
def test_bad_descriptions_are_refused(entries: Any, fields: Any, message: str) -> None:
    with pytest.raises(errors.InputError, match=message):
        entries({}, **fields)


def test_links_are_refused(tmp_path: pathlib.Path) -> None:
    path, tar = tmp_path / "p.tgz", str(tmp_path / "p.tar")
    with tarfile.open(path, "w:gz") as archive:
        data = b'{"name": "thing", "version": "1.0.0"}'
        member = tarfile.TarInfo("package/package.json")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = package.read(str(path), tar)
    with pytest.raises(PackageError, match="a symlink: packages have files only"):
        package.unpack(found, tar)


@pytest.mark.parametrize("data", [b"", b"no gzip", b"\x1f\x8b\x08\x00"])
def test_what_is_no_package_is_refused(tmp_path: pathlib.Path, data: bytes) -> None:
    (tmp_path / "p.tgz").write_bytes(data)
    with pytest.raises(PackageError):
        package.read(str(tmp_path / "p.tgz"), str(tmp_path / "p.tar"))


def test_archive_without_a_description_is_refused(tmp_path: pathlib.Path) -> None:
    path = package_testing.package(tmp_path / "p.tgz", folder="a/b")
    with pytest.raises(PackageError, match="has no package.json"):
        package.read(path, str(tmp_path / "p.tar"))
