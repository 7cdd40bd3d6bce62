"""Test of the packed form: the archive's bytes, and its agreement with the JSON file."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import tarfile
import time

import pytest

from tools.cli import errors
from tools.fsspec import content, packed, spec
from tools.fsspec.tree import Entry, Kind, Tree

MTIME = 315619200


def sample(tmp_path: pathlib.Path) -> Tree:
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    source.chmod(0o600)
    return Tree(
        [
            Entry(path="etc", kind=Kind.DIRECTORY, mode=0o755, origin="//o"),
            Entry(
                path="etc/Főtanúsítvány.crt",
                kind=Kind.FILE,
                mode=0o644,
                content=content.Inline("é".encode()),
            ),
            Entry(path="etc/empty", kind=Kind.DIRECTORY, mode=0o700, uid=1000, gid=1001),
            Entry(path="run/" + "n" * 200, kind=Kind.SYMLINK, mode=0o777, target="t" * 300),
            Entry(path="bin/su", kind=Kind.FILE, mode=0o4755, content=content.HostFile(str(source))),
            Entry(path="bin/a", kind=Kind.HARDLINK, target="bin/su"),
            Entry(
                path="big/uid",
                kind=Kind.FILE,
                mode=0o640,
                uid=3_000_000,
                content=content.Inline(b""),
            ),
            Entry(path="dev/console", kind=Kind.CHAR, mode=0o600, device=(5, 1)),
            Entry(path="dev/loop", kind=Kind.BLOCK, mode=0o660, gid=6, device=(7, 300)),
            Entry(path="run/fifo", kind=Kind.FIFO, mode=0o622),
        ]
    )


def write(tmp_path: pathlib.Path, name: str = "r.tar") -> tuple[str, str]:
    tar, json_file = str(tmp_path / name), str(tmp_path / "r.json")
    packed.write(sample(tmp_path), "aarch64", tar, json_file, "r.tar", MTIME)
    return tar, json_file


def test_tarfile_reads_the_described_tree(tmp_path: pathlib.Path) -> None:
    path, _ = write(tmp_path)
    with tarfile.open(path) as tar:
        members = {member.name: member for member in tar}
        assert list(members) == sorted(members)
        link = members["bin/su"]
        assert link.islnk() and link.linkname == "bin/a"
        assert members["bin/a"].mode == 0o4755
        stream = tar.extractfile("bin/su")
        assert stream and stream.read() == b"from a file"
        assert members["big/uid"].uid == 3_000_000
        assert (members["dev/loop"].devmajor, members["dev/loop"].devminor) == (7, 300)
        assert members["etc/empty"].isdir() and members["etc/empty"].mode == 0o700
        assert members["run/" + "n" * 200].linkname == "t" * 300
        assert {member.mtime for member in members.values()} == {MTIME}
        assert {(member.uname, member.gname) for member in members.values()} == {("", "")}
        assert not any(member.pax_headers for member in members.values())


def test_bytes_are_the_same_on_every_machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path)
    before = [open(path, "rb").read() for path in first]
    umask = os.umask(0o077)
    try:
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        monkeypatch.chdir("/")
        os.utime(tmp_path / "source", (1, 1))
        again = [open(path, "rb").read() for path in write(tmp_path)]
    finally:
        os.umask(umask)
        monkeypatch.undo()
        time.tzset()
    assert again == before
    # A change of the format changes this digest, and every image.
    assert hashlib.sha256(again[0]).hexdigest() == ("cd66325f6b0ba17200ee399f0b9fc60f68704d1ceaa20d7eafc767d87743e4ec")


def test_packed_tree_is_read_back(tmp_path: pathlib.Path) -> None:
    tar, json_file = write(tmp_path)
    described, entries = packed.load(json_file, tar)
    assert described.architecture == "aarch64"
    assert [entry.path for entry in entries] == [entry.path for entry in sample(tmp_path)]
    by_path = {entry.path: entry for entry in entries}
    found = by_path["bin/a"].content
    assert found and content.read(found) == b"from a file"
    member = {item.entry.path: item.member for item in described.items}["bin/a"]
    assert member == spec.Digest(11, hashlib.sha256(b"from a file").hexdigest())


def test_names_that_are_not_utf8_are_kept(tmp_path: pathlib.Path) -> None:
    tar, json_file = str(tmp_path / "r.tar"), str(tmp_path / "r.json")
    link = Entry(path="etc/J\udcf6rg", kind=Kind.SYMLINK, mode=0o777, target="\udce9", origin="//o")
    packed.write(Tree([link]), "aarch64", tar, json_file, "r.tar", MTIME)
    assert b"etc/J\xf6rg" in pathlib.Path(tar).read_bytes()
    pathlib.Path(json_file).read_text("utf-8")
    described, entries = packed.load(json_file, tar)
    assert entries[-1].path == link.path
    assert described.items[-1].entry == link


@pytest.mark.parametrize("size", [0, 700, -1024, 10**6])
def test_archive_of_another_tree_is_rejected(tmp_path: pathlib.Path, size: int) -> None:
    tar, json_file = write(tmp_path)
    os.truncate(tar, size if size >= 0 else os.stat(tar).st_size + size)
    with pytest.raises(packed.PackedError, match="build both again"):
        packed.load(json_file, tar)


@pytest.mark.parametrize(("key", "value"), [("mode", "0777"), ("uid", 5), ("path", "bin/b"), ("target", "bin/other")])
def test_edited_description_is_rejected(tmp_path: pathlib.Path, key: str, value: object) -> None:
    tar, json_file = write(tmp_path)
    text = json.loads(open(json_file).read())
    index = {"target": -1}.get(key, 2)
    assert key in text["entries"][index]
    text["entries"][index][key] = value
    open(json_file, "w").write(json.dumps(text))
    with pytest.raises(packed.PackedError, match="where the archive has"):
        packed.load(json_file, tar)


def test_description_with_fewer_entries_is_rejected(tmp_path: pathlib.Path) -> None:
    tar, json_file = write(tmp_path)
    text = json.loads(open(json_file).read())
    del text["entries"][-1]
    open(json_file, "w").write(json.dumps(text))
    with pytest.raises(packed.PackedError, match="members"):
        packed.load(json_file, tar)


def test_description_without_archive_is_rejected(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"version": 1, "entries": []}')
    with pytest.raises(packed.PackedError, match="does not describe an archive"):
        packed.load(str(path), str(path))


def test_malformed_archive_is_rejected(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t").write_bytes(b"\xff" * 2048)
    with pytest.raises(errors.InputError, match="damaged"):
        list(packed.read_tar(str(tmp_path / "t")))


def test_shrinking_file_is_an_error(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"short")

    class Shrunk(content.HostFile):
        @property
        def size(self) -> int:
            return 10

    entry = Entry(path="f", kind=Kind.FILE, content=Shrunk(str(path)))
    with pytest.raises(packed.PackedError, match="became shorter"), open(os.devnull, "wb") as out:
        packed.write_tar([entry], out, 0)


def test_extended_archive_begins_as_the_other_and_is_whole(tmp_path: pathlib.Path) -> None:
    tar, json_file = write(tmp_path)
    more, more_json = str(tmp_path / "more.tar"), str(tmp_path / "more.json")
    agent = Entry(path="bin/0agent", kind=Kind.FILE, mode=0o755, content=content.Inline(b"agent"), origin="//agent")
    packed.extend((tar, json_file), [agent], more, more_json, "more.tar", MTIME)
    described, entries = packed.load(more_json, more)
    assert described.architecture == "aarch64"
    assert [item.entry.origin for item in described.items if item.entry.path == "etc"] == ["//o"]
    assert described.items[-1].member == spec.Digest(5, hashlib.sha256(b"agent").hexdigest())
    assert (entries[-1].path, entries[-1].mode) == ("bin/0agent", 0o755)
    first, second = pathlib.Path(tar).read_bytes(), pathlib.Path(more).read_bytes()
    assert second.startswith(first.rstrip(b"\0"))
    with tarfile.open(more) as archive:
        member = archive.getmembers()[-1]
        assert (member.name, member.mtime, member.uid) == ("bin/0agent", MTIME, 0)


@pytest.mark.parametrize(("path", "words"), [("bin/su", "bin/su"), ("opt/agent", "no directory for opt/agent")])
def test_extension_that_does_not_fit_is_refused(tmp_path: pathlib.Path, path: str, words: str) -> None:
    entry = Entry(path=path, kind=Kind.FILE, mode=0o755, content=content.Inline(b"agent"))
    with pytest.raises(errors.InputError, match=words):
        packed.extend(write(tmp_path), [entry], str(tmp_path / "x"), str(tmp_path / "y"), "x", MTIME)
