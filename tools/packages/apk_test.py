"""Test of the reader of Alpine packages."""

from __future__ import annotations

import gzip
import pathlib
import tarfile
from collections.abc import Sequence
from typing import Any

import pytest

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Kind
from tools.packages import apk, tarball
from tools.packages import apk_testing as make
from tools.packages.deb_testing import directory, hardlink, member, symlink

MEMBERS = [
    directory("usr", 0o755),
    member("usr/" + "long" * 40, "text", mode=0o755),
    symlink("usr/l", "/etc/x"),
    hardlink("usr/h", "usr/" + "long" * 40),
]


@pytest.mark.parametrize("signed", [True, False])
def test_package_is_read(tmp_path: pathlib.Path, signed: bool) -> None:
    package = apk.read(make.apk(tmp_path / "p.apk", MEMBERS, version="6.12.1-r3", signed=signed))
    assert str(package) == "pkg 6.12.1-r3 (x86_64)"
    entries = apk.unpack(package, str(tmp_path / "data.tar"))
    assert [(entry.path[:5], entry.kind) for entry in entries] == [
        ("usr", Kind.DIRECTORY),
        ("usr/l", Kind.FILE),
        ("usr/l", Kind.SYMLINK),
        ("usr/h", Kind.HARDLINK),
    ]
    assert entries[1].content and content.read(entries[1].content) == b"text"
    assert {entry.origin for entry in entries} == {str(package)}


def test_data_in_several_gzip_streams_is_read(tmp_path: pathlib.Path) -> None:
    """Compressors that work in parallel write several streams."""
    whole = make.archive([member("a", "x" * 5000)])
    data = gzip.compress(whole[:3000]) + gzip.compress(whole[3000:])
    text = make.info(data, name="pkg", architecture="x86_64")
    path = tmp_path / "p.apk"
    path.write_bytes(gzip.compress(make.archive([member(".PKGINFO", text)], cut=True)) + data)
    (entry,) = apk.unpack(apk.read(str(path)), str(tmp_path / "data.tar"))
    assert entry.content and entry.content.size == 5000


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    return gzip.compress(make.archive(members, cut=True))


SIGNATURE = packed(member(".SIGN.RSA.k.rsa.pub", "s"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not compressed by gzip"),
        (b"!<arch>\n", "not compressed by gzip"),
        (b"ADBd" + bytes(100), "version 3"),
        (b"\x1f\x8bjunk" * 9, "cannot be decompressed"),
        (SIGNATURE[:-9], "is truncated"),
        (SIGNATURE, "is truncated"),
        (SIGNATURE + SIGNATURE, "no .PKGINFO at its beginning"),
        (packed(member("usr/bin/x", "x")), "no .PKGINFO at its beginning"),
        (packed(symlink(".PKGINFO", "gone")), "no .PKGINFO at its beginning"),
        (gzip.compress(b"junk" * 200), "control data is damaged"),
        (packed(member(".PKGINFO", "pkgname = p\n")), "no field arch"),
    ],
)
def test_broken_package_is_rejected(tmp_path: pathlib.Path, data: bytes, reason: str) -> None:
    (tmp_path / "p.apk").write_bytes(data)
    with pytest.raises(tarball.PackageError) as caught:
        apk.read(str(tmp_path / "p.apk"))
    assert reason in str(caught.value)
    assert "p.apk" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"datahash": "0" * 64}, "but .PKGINFO says 0000"),
        ({"datahash": "junk"}, "bad line 'datahash = junk'"),
        ({"name": "../p"}, "bad line 'pkgname = ../p'"),
        ({"architecture": "x86 64"}, "bad line 'arch = x86 64'"),
        ({"builddate": "1\narch = aarch64"}, "bad line 'arch = aarch64'"),
    ],
)
def test_broken_description_is_rejected(tmp_path: pathlib.Path, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(tarball.PackageError) as caught:
        apk.read(make.apk(tmp_path / "p.apk", MEMBERS, **fields))
    assert reason in str(caught.value)


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_truncated_data_is_rejected_by_its_digest(tmp_path: pathlib.Path, cut: int) -> None:
    path = tmp_path / "p.apk"
    make.apk(path, MEMBERS)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(tarball.PackageError, match="its data has sha256"):
        apk.read(str(path))


@pytest.mark.parametrize("size", [100, 512, 2048])
def test_truncated_archive_with_the_right_digest_is_rejected(tmp_path: pathlib.Path, size: int) -> None:
    data = gzip.compress(make.archive([member("a", "x" * 5000)])[:size])
    text = make.info(data, name="pkg", architecture="x86_64")
    path = tmp_path / "p.apk"
    path.write_bytes(packed(member(".PKGINFO", text)) + data)
    with pytest.raises(tarball.PackageError, match="truncated"):
        apk.unpack(apk.read(str(path)), str(tmp_path / "data.tar"))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([member("../../etc/passwd", "x")], "component '..'"),
        ([member("/etc/../../x", "x")], "component '..'"),
        ([member("a\nb", "x")], "control characters"),
        ([hardlink("h", "../x")], "component '..'"),
        ([member("c", type=tarfile.CONTTYPE)], "unknown type"),
        ([member("x", "x", pax_headers={"SCHILY.xattr.user.x": "y"})], "unknown type"),
        ([member("x", "x", pax_headers={"GNU.sparse.name": "y"})], "unknown type"),
        ([member("x", "x", pax_headers={"path": "../x"})], "component '..'"),
    ],
)
def test_hostile_member_is_rejected(
    tmp_path: pathlib.Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], reason: str
) -> None:
    package = apk.read(make.apk(tmp_path / "p.apk", members))
    with pytest.raises(errors.InputError) as caught:
        apk.unpack(package, str(tmp_path / "data.tar"))
    assert reason in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.tar", "p.apk"]


def test_bombs_are_rejected(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = apk.read(make.apk(tmp_path / "p.apk", [member("a", bytes(20_000))]))
    monkeypatch.setattr(tarball, "UNPACKED_MAX", 10_000)
    with pytest.raises(tarball.PackageError, match="more than 10000 bytes of data"):
        apk.unpack(package, str(tmp_path / "data.tar"))
    monkeypatch.setattr(apk, "_CONTROL_MAX", 1000)
    with pytest.raises(tarball.PackageError, match="more than 1000 bytes of control data"):
        apk.read(make.apk(tmp_path / "p.apk"))
