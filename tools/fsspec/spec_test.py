"""Test of the JSON form: reader, errors, writer."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tools.cli import errors
from tools.fsspec import content, merge, spec
from tools.fsspec.tree import Kind, Tree, TreeError

SHA = "ab" * 32
FILE = {"path": "f", "kind": "file", "mode": "0644", "text": "x"}


def top(*entries: object, **kwargs: Any) -> dict[str, Any]:
    return {"version": 1, "architecture": None, "entries": list(entries), **kwargs}


def parse(value: Any) -> spec.Spec:
    return spec.parse(json.dumps(value), "x.json")


def write(path: pathlib.Path, value: Any) -> str:
    path.write_text(json.dumps(value))
    return str(path)


def test_every_kind_is_read() -> None:
    described = parse(
        top(
            FILE,
            {
                "path": "s",
                "kind": "file",
                "mode": "4755",
                "source": "bin/s",
                "uid": 3,
                "origin": "//s",
            },
            {"path": "d", "kind": "directory", "mode": "1777", "gid": 5, "replace": True},
            {"path": "l", "kind": "symlink", "target": "../x"},
            {"path": "h", "kind": "hardlink", "target": "f"},
            {"path": "c", "kind": "char", "mode": "0600", "device": [5, 1]},
            {"path": "b", "kind": "block", "mode": "0660", "device": [7, 300]},
            {"path": "p", "kind": "fifo", "mode": "0622"},
            origin="//spec",
        )
    )
    entries = [item.entry for item in described.items]
    assert [entry.kind for entry in entries] == [
        Kind.FILE,
        Kind.FILE,
        Kind.DIRECTORY,
        Kind.SYMLINK,
        Kind.HARDLINK,
        Kind.CHAR,
        Kind.BLOCK,
        Kind.FIFO,
    ]
    assert entries[0].content and content.read(entries[0].content) == b"x"
    assert entries[1].content == content.HostFile("bin/s")
    assert (entries[1].mode, entries[1].uid, entries[1].origin) == (0o4755, 3, "//s")
    assert entries[5].device == (5, 1)
    assert [item.replace for item in described.items].index(True) == 2
    assert entries[0].origin == "//spec"
    assert parse(json.loads(spec.dump(described))) == described


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "is not a JSON object"),
        ({"version": 2, "entries": []}, "version 2"),
        ({"version": True, "entries": []}, "version True"),
        ({"version": 1}, "no list `entries`"),
        (top(colour="red"), "unknown key 'colour'"),
        (top(architecture=64) | {"architecture": 64}, "`architecture` is 64"),
        (top(7), "entry 0: is not a JSON object"),
        (top({"kind": "file"}), "`path` is None"),
        (top({"path": "f", "kind": "door"}), "unknown kind 'door'"),
        (top(FILE | {"owner": "root"}), "unknown key 'owner'"),
        (top(FILE | {"target": "x"}), "unknown key 'target'"),
        (top(FILE | {"mode": 420}), "`mode` is 420"),
        (top(FILE | {"mode": "644"}), "`mode` is '644'"),
        (top(FILE | {"mode": "0x1ff"}), "`mode` is '0x1ff'"),
        (top(FILE | {"mode": "0888"}), "`mode` is '0888'"),
        (top(FILE | {"uid": -1}), "`uid` is -1"),
        (top(FILE | {"uid": 1.5}), "`uid` is 1.5"),
        (top(FILE | {"uid": True}), "`uid` is True"),
        (top(FILE | {"uid": 2**32}), "uid 4294967296"),
        (top(FILE | {"replace": "yes"}), "`replace` is 'yes'"),
        (top(FILE | {"source": "y"}), "has 2 of"),
        (top({"path": "f", "kind": "file", "mode": "0644"}), "has 0 of"),
        (top(FILE | {"text": "\ud800"}), "not UTF-8"),
        (top({"path": "f", "kind": "file", "mode": "0644", "member": {"size": 1}}), "no `sha256`"),
        (
            top({"path": "f", "kind": "file", "mode": "0644", "member": {"size": 1, "sha256": SHA}}),
            "no `archive`",
        ),
        (top(FILE | {"path": "../f"}), "component '..'"),
        (top(FILE | {"path": "/f"}), "is absolute"),
        (top({"path": "l", "kind": "symlink"}), "`target` is None"),
        (top({"path": "l", "kind": "symlink", "target": ""}), "target is empty"),
        (top({"path": "c", "kind": "char", "mode": "0600", "device": [5]}), "`device` is [5]"),
        (top({"path": "c", "kind": "char", "mode": "0600", "device": [5, "1"]}), "is '1'"),
        (
            top({"path": "c", "kind": "char", "mode": "0600", "device": [5, 2**30]}),
            "device numbers",
        ),
        (top(archive={"file": "../t.tar", "size": 1, "sha256": SHA}), "not a file name"),
        (top(archive={"file": "t.tar", "size": -1, "sha256": SHA}), "`archive.size` is -1"),
        (top(archive={"file": "t.tar", "size": 1, "sha256": "AB"}), "no `sha256`"),
    ],
)
def test_malformed_document_is_rejected(value: Any, reason: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse(value)
    assert reason in str(caught.value)
    assert "x.json" in str(caught.value) or "f" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON"),
        ('{"version": 1, "version": 1}', "key 'version' is in one object twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_malformed_text_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(spec.SpecError, match="x.json") as caught:
        spec.parse(text, "x.json")
    assert reason in str(caught.value)


def test_other_encodings_are_rejected(tmp_path: pathlib.Path) -> None:
    (tmp_path / "s.json").write_bytes(b'{"version": 1, "entries": ["\xff"]}')
    with pytest.raises(spec.SpecError, match="not UTF-8"):
        spec.load(str(tmp_path / "s.json"))


def test_merge_lets_later_files_replace(tmp_path: pathlib.Path) -> None:
    first = write(tmp_path / "1", top(FILE))
    second = write(tmp_path / "2", top(FILE | {"text": "y", "replace": True}, architecture="aarch64"))
    tree = Tree()
    merge.load_into(tree, [first, second], "aarch64")
    entry = tree.get("f")
    assert entry and entry.content == content.Inline(b"y")


def test_merge_rejects_another_architecture(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "1", top(FILE) | {"architecture": "x86_64"})
    with pytest.raises(spec.SpecError, match=r"architecture x86_64, but the image of aarch64"):
        merge.load_into(Tree(), [path], "aarch64")


def test_merge_rejects_a_packed_tree(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "1", top(archive={"file": "t", "size": 0, "sha256": SHA}))
    with pytest.raises(spec.SpecError, match="packed tree"):
        merge.load_into(Tree(), [path], None)


def test_partial_tree_may_replace_missing_entries(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "part.json"
    entry = {"path": "var/run", "kind": "symlink", "target": "/run", "replace": True}
    path.write_text(json.dumps({"version": 1, "architecture": None, "entries": [entry]}))
    part = Tree()
    merge.load_into(part, [str(path)], None, partial=True)
    link = part.get("var/run")
    assert link and link.target == "/run"
    with pytest.raises(TreeError, match="replaces nothing"):
        merge.load_into(Tree(), [str(path)], None)
