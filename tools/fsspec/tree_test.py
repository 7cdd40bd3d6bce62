"""Test of paths and of the tree's rules."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import pytest

from tools.cli import errors
from tools.fsspec import content, listing, paths
from tools.fsspec.tree import Entry, Kind, Tree, TreeError


def file(path: str, text: str = "x", **kwargs: Any) -> Entry:
    kwargs.setdefault("mode", 0o644)
    return Entry(path=path, kind=Kind.FILE, content=content.Inline(text.encode()), **kwargs)


def directory(path: str, mode: int = 0o755, **kwargs: Any) -> Entry:
    return Entry(path=path, kind=Kind.DIRECTORY, mode=mode, **kwargs)


def symlink(path: str, target: str, **kwargs: Any) -> Entry:
    return Entry(path=path, kind=Kind.SYMLINK, mode=0o777, target=target, **kwargs)


def hardlink(path: str, target: str, **kwargs: Any) -> Entry:
    return Entry(path=path, kind=Kind.HARDLINK, target=target, **kwargs)


@pytest.mark.parametrize("path", ["etc", "a/b", "a-b/ő.crt", "a" * 255, "..a/b..", "J\udcf6rg"])
def test_normal_path_is_accepted(path: str) -> None:
    assert paths.check(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is empty"),
        ("/etc", "is absolute"),
        ("a//b", "component ''"),
        ("a/", "component ''"),
        ("./a", "component '.'"),
        ("a/../../b", "component '..'"),
        ("a\nb", "control characters"),
        ("a\0b", "control characters"),
        ("\ud800", "is not Unicode"),
        ("\udcc3\udca9", "spells UTF-8 as single bytes"),
        ("\udcff" * 256, "longer than 255 bytes"),
        ("a" * 256, "longer than 255 bytes"),
        ("é" * 128, "longer than 255 bytes"),
        ("a/" * 2048 + "a", "longer than 4095 bytes"),
    ],
)
def test_bad_path_is_rejected(path: str, reason: str) -> None:
    with pytest.raises(paths.PathError, match="path") as caught:
        paths.check(path, "x.deb")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("x.deb: ")


@pytest.mark.parametrize("path", ["./usr/bin/", "/usr/bin", "usr/bin", ".//usr/./bin", "//usr//bin/", "././usr/bin/."])
def test_normalise_drops_empty_components(path: str) -> None:
    assert paths.normalise(path) == "usr/bin"


@pytest.mark.parametrize("path", ["./../usr", "usr/../bin", "..", "/", "./."])
def test_normalise_rejects_bad_paths(path: str) -> None:
    with pytest.raises(paths.PathError):
        paths.normalise(path)


@pytest.mark.parametrize("target", ["", "a\nb", "a" * 4096, "\ud800"])
def test_bad_symlink_target_is_rejected(target: str) -> None:
    with pytest.raises(paths.PathError, match="symlink's target"):
        symlink("link", target)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"kind": Kind.DIRECTORY, "mode": 0o10000}, "mode"),
        ({"kind": Kind.DIRECTORY, "uid": -1}, "uid"),
        ({"kind": Kind.DIRECTORY, "gid": 2**32 - 1}, "gid"),
        ({"kind": Kind.FILE}, "without content"),
        ({"kind": Kind.FIFO, "content": content.Inline(b"x")}, "with content"),
        ({"kind": Kind.FIFO, "target": "x"}, "with a target"),
        ({"kind": Kind.CHAR, "device": (4096, 0)}, "device numbers"),
        ({"kind": Kind.BLOCK, "device": (0, 2**20)}, "device numbers"),
        ({"kind": Kind.DIRECTORY, "device": (5, 1)}, "with device numbers"),
        ({"kind": Kind.HARDLINK, "target": "../x"}, "component '..'"),
    ],
)
def test_bad_entry_is_rejected(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        Entry(path="p", origin="//o", **arguments)
    assert reason in str(caught.value)
    assert "//o" in str(caught.value)


def test_order_is_by_bytes_with_directories_first() -> None:
    tree = Tree([file("a/b"), file("a-b"), directory("a", 0o700), file("é"), file("z")])
    assert [entry.path for entry in tree] == ["a", "a-b", "a/b", "z", "é"]


def test_names_that_are_not_utf8_are_ordered_by_bytes() -> None:
    tree = Tree([file("é"), file("\udc80"), file("z"), hardlink("\udcff", "z")])
    assert [entry.path for entry in tree] == ["z", "\udc80", "é", "\udcff"]
    assert [entry.path for entry in tree.finish()] == ["z", "\udc80", "é", "\udcff"]


def test_missing_directories_are_implied() -> None:
    tree = Tree([file("a/b/c", uid=1000, gid=1000, origin="//x")])
    implied = tree.get("a/b")
    assert implied == directory("a/b", 0o755, origin="//x")


def test_implied_directory_may_be_described_later() -> None:
    tree = Tree([file("home/user/f"), directory("home/user", 0o700, uid=1000)])
    entry = tree.get("home/user")
    assert entry is not None and (entry.mode, entry.uid) == (0o700, 1000)
    assert "home/user/f" in tree


def test_equal_directories_are_merged() -> None:
    tree = Tree([directory("d", origin="a"), directory("d", origin="b")])
    assert len(tree) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (file("p", origin="//one"), file("p", origin="//two")),
        (directory("p", origin="//one"), directory("p", 0o700, origin="//two")),
        (directory("p", origin="//one"), directory("p", gid=5, origin="//two")),
        (symlink("p", "a", origin="//one"), symlink("p", "a", origin="//two")),
        (directory("p", origin="//one"), symlink("p", "a", origin="//two")),
        (symlink("p", "a", origin="//one"), directory("p", origin="//two")),
        (file("p/q", origin="//one"), file("p", origin="//two")),
        (symlink("p", "usr/p", origin="//one"), file("p/q", origin="//two")),
        (file("p", origin="//one"), file("p/q/r", origin="//two")),
    ],
)
def test_conflicts_name_both_origins(first: Entry, second: Entry) -> None:
    tree = Tree([first])
    with pytest.raises(TreeError) as caught:
        tree.add(second)
    assert "//one" in str(caught.value)
    assert "//two" in str(caught.value)


def test_replacement_takes_the_place() -> None:
    tree = Tree([file("p", "old", origin="a"), directory("d"), directory("e", 0o755)])
    tree.add(symlink("p", "elsewhere", origin="b"), replace=True)
    tree.add(file("d"), replace=True)
    tree.add(directory("e", 0o1777), replace=True)
    assert [(entry.kind, entry.mode) for entry in tree] == [
        (Kind.FILE, 0o644),
        (Kind.DIRECTORY, 0o1777),
        (Kind.SYMLINK, 0o777),
    ]


def test_replaced_file_keeps_its_content_in_its_hard_links() -> None:
    tree = Tree([file("a", "old", mode=0o755), hardlink("b", "a"), hardlink("c", "a")])
    tree.add(file("a", "new"), replace=True)
    entries = {entry.path: entry for entry in tree.finish()}
    assert entries["b"].content == content.Inline(b"old") and entries["b"].mode == 0o755
    assert (entries["c"].kind, entries["c"].target) == (Kind.HARDLINK, "b")
    assert entries["a"].content == content.Inline(b"new")


def test_replacement_of_nothing_is_rejected() -> None:
    with pytest.raises(TreeError, match="replaces nothing"):
        Tree().add(file("p"), replace=True)


def test_directory_with_entries_is_not_replaced() -> None:
    with pytest.raises(TreeError, match="not empty"):
        Tree([directory("p"), file("p/q")]).add(file("p"), replace=True)


def test_finish_makes_the_first_name_the_file() -> None:
    tree = Tree([file("z", "text", mode=0o755, uid=7), hardlink("m", "z"), hardlink("a", "m"), file("b")])
    entries = {entry.path: entry for entry in tree.finish()}
    assert entries["a"].kind is Kind.FILE
    found = entries["a"].content
    assert found and content.read(found) == b"text"
    for name in ("m", "z"):
        assert (entries[name].kind, entries[name].target) == (Kind.HARDLINK, "a")
        assert (entries[name].mode, entries[name].uid) == (0o755, 7)
    assert entries["b"].kind is Kind.FILE


@pytest.mark.parametrize(
    "entries",
    [
        [hardlink("a", "gone", origin="//o")],
        [directory("d"), hardlink("a", "d", origin="//o")],
        [symlink("s", "x"), hardlink("a", "s", origin="//o")],
        [hardlink("a", "b", origin="//o"), hardlink("b", "a", origin="//o")],
        [hardlink("a", "a", origin="//o")],
    ],
)
def test_hard_links_need_a_file(entries: Sequence[Entry]) -> None:
    with pytest.raises(TreeError, match="//o"):
        Tree(entries).finish()


def test_region_reads_only_its_part(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    region = content.Region(str(tmp_path / "f"), 2, 5)
    assert (region.size, content.read(region)) == (5, b"23456")
    with region.open() as stream:
        assert [stream.read(3), stream.read(3), stream.read(3)] == [b"234", b"56", b""]


def test_listing_escapes_bytes_that_are_not_utf8() -> None:
    tree = Tree([symlink("l\udce9", "\udcf6")])
    assert listing.render(tree.finish()) == "l0777 0:0 /l\\xe9 -> \\xf6\n"


def test_listing_has_a_line_per_entry() -> None:
    device = Entry(path="dev/console", kind=Kind.CHAR, mode=0o600, device=(5, 1))
    tree = Tree([symlink("bin", "usr/bin"), device, file("f", uid=1000, origin="//o")])
    assert listing.render(tree.finish()) == (
        "l0777 0:0 /bin -> usr/bin\nd0755 0:0 /dev\nc0600 0:0 /dev/console [5:1]\n-0644 1000:0 /f  # //o\n"
    )
