"""Tests of the reader of Debian packages."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import tarfile
from collections.abc import Callable, Sequence

import pytest

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry, Kind
from tools.packages import deb, tarball
from tools.packages import deb_testing as make


@pytest.mark.parametrize("compression", list(make.COMPRESSIONS))
def test_a_package(tmp_path: pathlib.Path, compression: str) -> None:
    path = make.deb(
        tmp_path / "p.deb",
        [
            make.folder("./usr", 0o2775, gid=50),
            make.member("./usr/Főtanúsítvány", "text", mode=0o4755, uid=33),
            make.symlink("./usr/l", "/etc/x"),
            make.hardlink("./usr/h", "./usr/Főtanúsítvány"),
            make.member("./dev", type=tarfile.CHRTYPE, devmajor=5, devminor=1),
            make.member("./fifo", type=tarfile.FIFOTYPE),
        ],
        compression=compression,
    )
    package = deb.read(path)
    assert str(package) == "pkg 1.0-1 (amd64)"
    assert package.control.endswith("Description: a test\n of packages\n")
    entries = deb.unpack(package, str(tmp_path / "data.tar"))
    assert [(entry.path, entry.kind) for entry in entries] == [
        ("usr", Kind.DIRECTORY),
        ("usr/Főtanúsítvány", Kind.FILE),
        ("usr/l", Kind.SYMLINK),
        ("usr/h", Kind.HARDLINK),
        ("dev", Kind.CHAR),
        ("fifo", Kind.FIFO),
    ]
    assert (entries[0].mode, entries[0].gid) == (0o2775, 50)
    assert (entries[1].mode, entries[1].uid) == (0o4755, 33)
    assert entries[1].content and content.read(entries[1].content) == b"text"
    assert entries[3].target == "usr/Főtanúsítvány"
    assert {entry.origin for entry in entries} == {"pkg 1.0-1 (amd64)"}


GOOD_CONTROL = make.tar([make.member("./control", "Package: p1\nVersion: 1\nArchitecture: all\n")])
VERSION = ("debian-binary", b"2.0\n")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no ar archive"),
        (b"!<arch>\nshort", "bad header"),
        (make.ar([VERSION])[:-2], "member debian-binary is incomplete"),
        (make.ar([VERSION, VERSION]), "two members debian-binary"),
        (make.ar([("debian-binary", b"0.9\n")]), "format 2"),
        (make.ar([]), "format 2"),
        (make.ar([VERSION]), "0 members control.tar"),
        (
            make.ar([VERSION, ("control.tar", GOOD_CONTROL), ("control.tar.gz", b"")]),
            "2 members control.tar",
        ),
        (make.ar([VERSION, ("control.tar.lz4", b"")]), "unknown compression"),
        (make.ar([VERSION, ("control.tar.xz", b"junk")]), "cannot be decompressed"),
        (make.ar([VERSION, ("control.tar.zst", b"junk")]), "cannot be decompressed"),
        (make.ar([VERSION, ("control.tar.gz", b"junk")]), "cannot be decompressed"),
        (make.ar([VERSION, ("control.tar", b"junk" * 200)]), "control archive is damaged"),
        (make.ar([VERSION, ("control.tar", make.tar([]))]), "no control file"),
        (make.ar([VERSION, ("control.tar", make.tar([make.symlink("./control", "gone")]))]), "no control file"),
    ],
)
def test_broken_packages(tmp_path: pathlib.Path, data: bytes, reason: str) -> None:
    (tmp_path / "p.deb").write_bytes(data)
    with pytest.raises(tarball.PackageError) as caught:
        deb.read(str(tmp_path / "p.deb"))
    assert reason in str(caught.value)
    assert "p.deb" in str(caught.value)
    assert "renew the lock" in str(caught.value)


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ("Package: p1\nVersion: 1\n", "no field Architecture"),
        ("Package: ../p\nVersion: 1\nArchitecture: all\n", "bad package name '../p'"),
        ("Package: p1\nnonsense\n", "bad line 'nonsense'"),
    ],
)
def test_broken_control_files(tmp_path: pathlib.Path, control: str, reason: str) -> None:
    with pytest.raises(tarball.PackageError) as caught:
        deb.read(make.deb(tmp_path / "p.deb", control=control))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([make.member("../../etc/passwd", "x")], "component '..'"),
        ([make.member("./a\nb", "x")], "control characters"),
        ([make.symlink("./l", "a\nb")], "control characters"),
        ([make.hardlink("./h", "../x")], "component '..'"),
        ([make.member("./c", type=tarfile.CONTTYPE)], "unknown type"),
    ],
)
def test_hostile_members(tmp_path: pathlib.Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], reason: str) -> None:
    package = deb.read(make.deb(tmp_path / "p.deb", members))
    with pytest.raises(errors.InputError) as caught:
        deb.unpack(package, str(tmp_path / "data.tar"))
    assert reason in str(caught.value)


def unpack_data(tmp_path: pathlib.Path, data: bytes, name: str = "data.tar.xz") -> list[Entry]:
    (tmp_path / "p.deb").write_bytes(make.ar([VERSION, ("control.tar", GOOD_CONTROL), (name, data)]))
    return deb.unpack(deb.read(str(tmp_path / "p.deb")), str(tmp_path / "data.tar"))


def test_extended_attributes_are_refused_not_lost(tmp_path: pathlib.Path) -> None:
    info, data = make.member("./ping", "x")
    info.pax_headers = {"SCHILY.xattr.user.x": "y"}
    with pytest.raises(tarball.PackageError, match="unknown type"):
        unpack_data(tmp_path, lzma.compress(make.tar([(info, data)], tarfile.PAX_FORMAT)))


def test_truncated_data(tmp_path: pathlib.Path) -> None:
    whole = make.tar([make.member("./a", "x" * 5000), make.member("./b", "y")])
    for size in (0, 512, 1024, 5000, 6144):
        with pytest.raises(tarball.PackageError, match="truncated"):
            unpack_data(tmp_path, lzma.compress(whole[:size]))
    with pytest.raises(tarball.PackageError, match="cannot be decompressed"):
        unpack_data(tmp_path, lzma.compress(whole)[:-20])


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_data_that_is_damaged_in_its_middle(
    tmp_path: pathlib.Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    data = bytearray(pack(make.tar([make.member("./a", str(list(range(5000))))])))
    data[2000:2100] = bytes(100)
    with pytest.raises(tarball.PackageError, match="cannot be decompressed"):
        unpack_data(tmp_path, bytes(data), "data.tar" + suffix)


def test_a_bomb_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "UNPACKED_MAX", 10_000)
    with pytest.raises(tarball.PackageError, match="more than 10000 bytes"):
        unpack_data(tmp_path, lzma.compress(bytes(20_000)))
