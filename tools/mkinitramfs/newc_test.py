"""Test of the cpio writer: golden bytes, and a reader written from the format's description only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from tools.fsspec import content
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkinitramfs import newc


def pack(entries: Sequence[Entry], mtime: int = 0) -> bytes:
    buffer = io.BytesIO()
    newc.write(Tree(entries).finish(), buffer, mtime)
    return buffer.getvalue()


def file(path: str, data: bytes = b"x", **kwargs: Any) -> Entry:
    return Entry(path=path, kind=Kind.FILE, content=content.Inline(data), **kwargs)


def read(data: bytes) -> list[dict[str, Any]]:
    """Return dicts of fields, with name and content, up to the trailer; check alignment and rest."""
    names = "ino mode uid gid nlink mtime filesize maj min rmaj rmin namesize chksum".split()
    result: list[dict[str, Any]] = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        header = data[at + 6 : at + 110].decode("ascii")
        fields: dict[str, Any] = {key: int(header[8 * i : 8 * i + 8], 16) for i, key in enumerate(names)}
        name = data[at + 110 : at + 110 + fields["namesize"]]
        assert name[-1:] == b"\0"
        at += (110 + fields["namesize"] + 3) // 4 * 4
        fields["name"] = name[:-1].decode()
        fields["data"] = data[at : at + fields["filesize"]]
        at += (fields["filesize"] + 3) // 4 * 4
        if fields["name"] == "TRAILER!!!":
            assert not data[at:].strip(b"\0") and len(data) % 512 == 0
            return result
        result.append(fields)


def test_bytes_equal_the_golden_archive() -> None:
    data = pack(
        [
            Entry(path="d", kind=Kind.DIRECTORY, mode=0o750, uid=1000, gid=10),
            file("f", b"12345", mode=0o4755),
        ],
        mtime=16,
    )
    expected = (
        # ino      mode     uid      gid      nlink    mtime    filesize
        b"070701"
        b"00000001"
        b"000041E8"
        b"000003E8"
        b"0000000A"
        b"00000002"
        b"00000010"
        b"00000000"
        # maj      min      rmaj     rmin     namesize chksum   name
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000002"
        b"00000000"
        b"d\0"
        b"070701"
        b"00000002"
        b"000089ED"
        b"00000000"
        b"00000000"
        b"00000001"
        b"00000010"
        b"00000005"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000002"
        b"00000000"
        b"f\0"
        b"12345\0\0\0"
        b"070701"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000001"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000000"
        b"00000000"
        b"0000000B"
        b"00000000"
        b"TRAILER!!!\0"
    )
    assert data == expected + bytes(512 - len(expected))


def test_every_kind_is_written() -> None:
    entries = read(
        pack(
            [
                Entry(path="c", kind=Kind.CHAR, mode=0o600, device=(5, 1)),
                Entry(path="b", kind=Kind.BLOCK, mode=0o660, gid=6, device=(259, 1048575)),
                Entry(path="p", kind=Kind.FIFO, mode=0o622),
                Entry(path="l", kind=Kind.SYMLINK, mode=0o777, target="é"),
                file("empty", b""),
            ]
        )
    )
    info = {e["name"]: (oct(e["mode"]), e["rmaj"], e["rmin"], e["data"]) for e in entries}
    assert info == {
        "b": ("0o60660", 259, 1048575, b""),
        "c": ("0o20600", 5, 1, b""),
        "empty": ("0o100000", 0, 0, b""),
        "l": ("0o120777", 0, 0, "é".encode()),
        "p": ("0o10622", 0, 0, b""),
    }


def test_directories_precede_their_entries_and_inodes_are_numbered() -> None:
    entries = read(pack([file("a/b/c"), file("a-b"), Entry(path="a", kind=Kind.DIRECTORY)]))
    assert [(e["name"], e["ino"]) for e in entries] == [
        ("a", 1),
        ("a-b", 2),
        ("a/b", 3),
        ("a/b/c", 4),
    ]


def test_hard_links_share_an_inode_and_the_last_has_the_content() -> None:
    entries = read(
        pack(
            [
                file("m", b"text", mode=0o755),
                Entry(path="a", kind=Kind.HARDLINK, target="m"),
                Entry(path="z", kind=Kind.HARDLINK, target="m"),
                file("n", b"other"),
            ]
        )
    )
    assert [(e["name"], e["ino"], e["nlink"], e["data"]) for e in entries] == [
        ("a", 1, 3, b""),
        ("m", 1, 3, b""),
        ("n", 2, 1, b"other"),
        ("z", 1, 3, b"text"),
    ]
    assert {e["mode"] for e in entries if e["ino"] == 1} == {0o100755}


def test_too_large_file_is_rejected() -> None:
    class Huge(content.Inline):
        @property
        def size(self) -> int:
            return 2**32

    with pytest.raises(newc.NewcError, match="4294967296 bytes"):
        pack([Entry(path="f", kind=Kind.FILE, content=Huge(b""))])


def test_changing_file_is_an_error() -> None:
    class Grown(content.Inline):
        @property
        def size(self) -> int:
            return 1

    with pytest.raises(newc.NewcError, match="changed during the read"):
        pack([Entry(path="f", kind=Kind.FILE, content=Grown(b"12"))])
