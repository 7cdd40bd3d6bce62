"""Test of the reader of Debian packages."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pathlib
import random
import tarfile
from collections.abc import Callable, Sequence

import pytest
import zstandard

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry, Kind
from tools.packages import deb, tarball
from tools.packages import deb_testing as make


@pytest.mark.parametrize("compression", list(make.COMPRESSIONS))
def test_package_is_read(tmp_path: pathlib.Path, compression: str) -> None:
    path = make.deb(
        tmp_path / "p.deb",
        [
            make.directory("./usr", 0o2775, gid=50),
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
        (b"", "not an ar archive"),
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
def test_broken_package_is_rejected(tmp_path: pathlib.Path, data: bytes, reason: str) -> None:
    (tmp_path / "p.deb").write_bytes(data)
    with pytest.raises(tarball.PackageError) as caught:
        deb.read(str(tmp_path / "p.deb"))
    assert reason in str(caught.value)
    assert "p.deb" in str(caught.value)
    assert "update the lock" in str(caught.value)


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ("Package: p1\nVersion: 1\n", "no field Architecture"),
        ("Package: ../p\nVersion: 1\nArchitecture: all\n", "bad package name '../p'"),
        ("Package: -p\nVersion: 1\nArchitecture: all\n", "bad package name '-p'"),
        ("Package: p1\nnonsense\n", "bad line 'nonsense'"),
        ("# a comment\nPackage: p1\n", "bad line '# a comment'"),
        ("Package: p1\n\nVersion: 1\nArchitecture: all\n", "bad line ''"),
        ("Package: p1\nVersion: 1\nArchitecture: all\nversion: 2\n", "the field version twice"),
        ("Package: p1\nVersion: 1 0\nArchitecture: all\n", "bad version '1 0'"),
        ("Package: p1\nVersion: abc\nArchitecture: all\n", "bad version 'abc'"),
        ("Package: p1\nVersion: 1\nArchitecture: all\nReplaces: a | b\n", "bad field Replaces: 'a | b'"),
        ("Package: p1\nVersion: 1\nArchitecture: all\nReplaces: a (1 0)\n", "bad field Replaces: 'a (1 0)'"),
    ],
)
def test_broken_control_file_is_rejected(tmp_path: pathlib.Path, control: str, reason: str) -> None:
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
def test_hostile_member_is_rejected(
    tmp_path: pathlib.Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], reason: str
) -> None:
    package = deb.read(make.deb(tmp_path / "p.deb", members))
    with pytest.raises(errors.InputError) as caught:
        deb.unpack(package, str(tmp_path / "data.tar"))
    assert reason in str(caught.value)


def unpack_data(tmp_path: pathlib.Path, data: bytes, name: str = "data.tar.xz") -> list[Entry]:
    (tmp_path / "p.deb").write_bytes(make.ar([VERSION, ("control.tar", GOOD_CONTROL), (name, data)]))
    return deb.unpack(deb.read(str(tmp_path / "p.deb")), str(tmp_path / "data.tar"))


def test_extended_attributes_are_rejected(tmp_path: pathlib.Path) -> None:
    info, data = make.member("./ping", "x")
    info.pax_headers = {"SCHILY.xattr.user.x": "y"}
    with pytest.raises(tarball.PackageError, match="unknown type"):
        unpack_data(tmp_path, lzma.compress(make.tar([(info, data)], tarfile.PAX_FORMAT)))


def test_truncated_data_is_rejected(tmp_path: pathlib.Path) -> None:
    whole = make.tar([make.member("./a", "x" * 5000), make.member("./b", "y")])
    for size in (100, 512, 1024, 5000, 5700, 6144, 6200, 6700):
        with pytest.raises(tarball.PackageError, match="truncated"):
            unpack_data(tmp_path, lzma.compress(whole[:size]))
    with pytest.raises(tarball.PackageError, match="cannot be decompressed"):
        unpack_data(tmp_path, lzma.compress(whole)[:-20])


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_data_damaged_in_the_middle_is_rejected(
    tmp_path: pathlib.Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    data = bytearray(pack(make.tar([make.member("./a", random.Random(1).randbytes(5000))])))
    data[2000:2100] = bytes(100)
    with pytest.raises(tarball.PackageError, match="cannot be decompressed"):
        unpack_data(tmp_path, bytes(data), "data.tar" + suffix)


ARCHIVE = make.tar([make.member("./a", "1"), make.member("./b", "2")])


@pytest.mark.parametrize("size", [0, 2048, 2560, 3072])
def test_archive_without_final_blocks_is_accepted(tmp_path: pathlib.Path, size: int) -> None:
    entries = unpack_data(tmp_path, lzma.compress(ARCHIVE[:size]))
    assert [entry.path for entry in entries] == (["a", "b"] if size else [])


@pytest.mark.parametrize("block", [b"x" * 512, b"\0" * 511 + b"x", bytes(100)])
def test_bad_header_behind_the_members_is_rejected(tmp_path: pathlib.Path, block: bytes) -> None:
    with pytest.raises(tarball.PackageError, match="bad header at byte 2048"):
        unpack_data(tmp_path, lzma.compress(ARCHIVE[:2048] + block))


def test_member_with_a_negative_size_is_rejected(tmp_path: pathlib.Path) -> None:
    member = tarfile.TarInfo("c")
    member.size = -512
    # Some versions of Python read such a member again and again, and others report a bad header.
    with pytest.raises(tarball.PackageError, match="negative size|bad header"):
        unpack_data(tmp_path, lzma.compress(ARCHIVE[:2048] + member.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))


def pack_lzma(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


def pack_xz(data: bytes) -> bytes:
    return lzma.compress(data[:700]) + lzma.compress(data[700:]) + bytes(8)


def pack_gzip(data: bytes) -> bytes:
    return gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(9)


def pack_zstd(data: bytes) -> bytes:
    skipped = b"\x50\x2a\x4d\x18\2\0\0\0ab"
    return zstandard.compress(data[:700]) + skipped + zstandard.compress(data[700:])


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("data.tar.bz2", bz2.compress),
        ("data.tar.gz", pack_gzip),
        ("data.tar.lzma", pack_lzma),
        ("data.tar.xz", pack_xz),
        ("data.tar.zst", pack_zstd),
    ],
)
def test_every_compression_is_read(tmp_path: pathlib.Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    assert [entry.path for entry in unpack_data(tmp_path, pack(ARCHIVE), name)] == ["a", "b"]
    assert len(unpack_data(tmp_path, pack(ARCHIVE) + b"junk" * 999, name)) == 2
    with pytest.raises(tarball.PackageError, match="cannot be decompressed: it is truncated"):
        unpack_data(tmp_path, pack(ARCHIVE)[:-12], name)


@pytest.mark.parametrize("name", ["./opt//app/./x", "/opt/app/x", "opt/app/x/", "././opt/app//x"])
def test_names_are_normalised(tmp_path: pathlib.Path, name: str) -> None:
    members = [make.directory(".//"), make.member(name, "1"), make.hardlink("./y", name)]
    entries = deb.unpack(deb.read(make.deb(tmp_path / "p.deb", members)), str(tmp_path / "data.tar"))
    assert [(entry.path, entry.target) for entry in entries] == [("opt/app/x", ""), ("y", "opt/app/x")]


def test_names_and_metadata_that_are_not_utf8_are_kept(tmp_path: pathlib.Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        tar.addfile(tarfile.TarInfo("./é"))
    control = "Package: p1\nVersion: 1\nArchitecture: all\nMaintainer: Jörg\n".encode("latin-1")
    members = [
        VERSION,
        ("control.tar", make.tar([make.member(".//control", control)])),
        ("data.tar", buffer.getvalue()),
    ]
    (tmp_path / "p.deb").write_bytes(make.ar(members))
    package = deb.read(str(tmp_path / "p.deb"))
    assert package.control.encode("utf-8", "surrogateescape") == control
    (entry,) = deb.unpack(package, str(tmp_path / "data.tar"))
    assert entry.path.encode("utf-8", "surrogateescape") == b"\xe9"


@pytest.mark.parametrize(
    "control",
    [
        "\n\nPackage: p1\nVersion: 1\nArchitecture: all\n\n\n",
        "Package: P1\r\nVersion: 1\r\nArchitecture: all\r\n",
        "package : p1\nVERSION:\t1\narchitecture:all",
        "Package: p1\nVersion: 1\nArchitecture: all\nDescription: a\n .\n\t.\nX-É: 1\n",
    ],
)
def test_control_file_is_read_like_dpkg(tmp_path: pathlib.Path, control: str) -> None:
    assert str(deb.read(make.deb(tmp_path / "p.deb", control=control))) == "p1 1 (all)"


@pytest.mark.parametrize("name", ["b", "b_b", "Lib-X+.y"])
def test_package_name_is_read_like_dpkg(tmp_path: pathlib.Path, name: str) -> None:
    assert deb.read(make.deb(tmp_path / "p.deb", name=name)).name == name.lower()


def test_replaces_may_be_folded_and_have_versions(tmp_path: pathlib.Path) -> None:
    control = "Package: bb\nVersion: 1\nArchitecture: all\nReplaces: zz:any,\n AA (<< 2~),\n cc:arm64 (>= 1)\n"
    package = deb.read(make.deb(tmp_path / "b.deb", control=control))

    def other(name: str, version: str, architecture: str = "amd64") -> deb.Deb:
        return deb.read(make.deb(tmp_path / "o.deb", name=name, version=version, architecture=architecture))

    assert package.may_replace(other("zz", "5"))
    assert package.may_replace(other("aa", "2~~")) and not package.may_replace(other("aa", "2~"))
    assert package.may_replace(other("cc", "1", "arm64")) and not package.may_replace(other("cc", "1"))
    assert not package.may_replace(other("dd", "1"))


def test_bomb_is_rejected(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "UNPACKED_MAX", 10_000)
    with pytest.raises(tarball.PackageError, match="more than 10000 bytes"):
        unpack_data(tmp_path, lzma.compress(bytes(20_000)))
