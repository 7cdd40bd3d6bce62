"""Disks, created and read with the real programs."""

from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
import uuid

import pytest

from tools.cli import errors
from tools.fsspec import packed
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkdisk import clusters, disk, ext4, qcow2

_PROGRAMS = ext4.Programs(mke2fs=os.path.abspath(os.environ["MKE2FS"]), e2fsck=os.path.abspath(os.environ["E2FSCK"]))
_QEMU_IMG = os.path.abspath(os.environ["QEMU_IMG"])
_DEBUGFS = os.path.abspath(os.environ["DEBUGFS"])


def _tree(*more: Entry) -> Tree:
    entries = [
        Entry(path="bin", kind=Kind.DIRECTORY, mode=0o755),
        Entry(path="bin/tool", kind=Kind.FILE, mode=0o4750, uid=3, gid=1000, content=Inline(b"tool\n")),
        Entry(path="bin/again", kind=Kind.HARDLINK, target="bin/tool"),
        Entry(path="empty", kind=Kind.DIRECTORY, mode=0o1777, uid=1000, gid=1000),
        Entry(path="link", kind=Kind.SYMLINK, mode=0o777, target="bin/tool"),
        Entry(path="null", kind=Kind.CHAR, mode=0o666, device=(1, 3)),
        Entry(path="über", kind=Kind.FILE, mode=0o600, content=Inline(bytes(70_000))),
    ]
    return Tree([*entries, *more])


def _make(
    directory: pathlib.Path, tree: Tree, architecture: str = "aarch64", last: Entry | None = None, **options: object
) -> pathlib.Path:
    directory.mkdir(parents=True, exist_ok=True)
    tar, spec = str(directory / "rootfs.tar"), str(directory / "rootfs.spec.json")
    packed.write(tree, "aarch64", tar, spec, "rootfs.tar", 0)
    if last:
        more, more_spec = str(directory / "more.tar"), str(directory / "more.spec.json")
        packed.extend((tar, spec), [last], more, more_spec, "more.tar", 0)
        tar, spec = more, more_spec
    output = directory / "disk.qcow2"
    size = {"size_mib": 16, "label": "root", **options}
    disk.make(_PROGRAMS, _QEMU_IMG, (tar, spec), architecture, str(output), directory, **size)  # type: ignore[arg-type]
    return output


def _raw(image: pathlib.Path) -> pathlib.Path:
    raw = image.with_suffix(".raw")
    subprocess.run([_QEMU_IMG, "convert", "-O", "raw", image, raw], check=True)
    return raw


def _debugfs(image: pathlib.Path, request: str) -> str:
    return subprocess.run([_DEBUGFS, "-R", request, image], check=True, capture_output=True, text=True).stdout


def test_attributes_come_from_the_tree(tmp_path: pathlib.Path) -> None:
    raw = _raw(_make(tmp_path, _tree()))
    assert "Mode:  04750" in _debugfs(raw, "stat /bin/tool")
    assert "User:     3   Group:  1000" in _debugfs(raw, "stat /bin/tool")
    assert "Mode:  01777" in _debugfs(raw, "stat /empty")
    assert 'Fast link dest: "bin/tool"' in _debugfs(raw, "stat /link")
    assert "Device major/minor number: 01:03" in _debugfs(raw, "stat /null")
    assert _debugfs(raw, "cat /bin/again") == "tool\n"
    assert "Size: 70000" in _debugfs(raw, "stat /über")


def test_hard_links_are_one_file(tmp_path: pathlib.Path) -> None:
    stat = _debugfs(_raw(_make(tmp_path, _tree())), "stat /bin/tool")
    assert "Links: 2" in stat


def test_root_belongs_to_root(tmp_path: pathlib.Path) -> None:
    stat = _debugfs(_raw(_make(tmp_path, _tree())), "stat /")
    assert "Mode:  0755" in stat
    assert "User:     0   Group:     0" in stat


def test_image_is_compressed_qcow2_of_the_size(tmp_path: pathlib.Path) -> None:
    info = subprocess.run(
        [_QEMU_IMG, "info", "--output=json", _make(tmp_path, _tree(), size_mib=64)], check=True, capture_output=True
    ).stdout
    details = json.loads(info)
    assert (details["format"], details["virtual-size"]) == ("qcow2", 64 << 20)
    assert details["format-specific"]["data"]["compression-type"] == "zstd"


def _numbers(count: int) -> bytes:
    return "".join(
        f"{number:06} {number * number} {number % 97} the quick brown fox\n" for number in range(count)
    ).encode()


def test_image_is_smaller_than_at_the_default_level_and_has_the_same_content(tmp_path: pathlib.Path) -> None:
    tree = _tree(Entry(path="lines", kind=Kind.FILE, mode=0o644, content=Inline(_numbers(60_000))))
    image = _make(tmp_path, tree)
    options = f"compression_type=zstd,cluster_size={qcow2.CLUSTER}"
    plain = tmp_path / "plain.qcow2"
    subprocess.run([_QEMU_IMG, "convert", "-c", "-O", "qcow2", "-o", options, image, plain], check=True)
    assert image.stat().st_size < 0.9 * plain.stat().st_size
    subprocess.run([_QEMU_IMG, "compare", "-s", image, plain], check=True)


def test_last_file_changes_few_clusters(tmp_path: pathlib.Path) -> None:
    tree = [
        Entry(path="lines", kind=Kind.FILE, mode=0o644, content=Inline(_numbers(100_000))),
        Entry(path="random", kind=Kind.FILE, mode=0o644, content=Inline(random.Random(1).randbytes(1 << 20))),
    ]
    first = _make(tmp_path / "first", _tree(*tree), size_mib=32)
    agent = Entry(path="bin/agent", kind=Kind.FILE, mode=0o755, content=Inline(b"agent" * 1000))
    alone = _make(tmp_path / "alone", _tree(*tree), size_mib=32, last=agent)
    assert (
        _make(tmp_path / "like", _tree(*tree), size_mib=32, last=agent, like=first).read_bytes() == alone.read_bytes()
    )
    before, after = ([known and known.sha256 for known in clusters.known(image)] for image in (first, alone))
    # The file system's tables, the directory, the file.
    assert 0 < sum(one != other for one, other in zip(before, after, strict=True)) <= 4
    assert sum(digest is not None for digest in before) > 20


def test_same_tree_gives_the_same_bytes(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _make(tmp_path / "a", _tree()).read_bytes()
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.chdir(tmp_path)
    umask = os.umask(0o077)
    try:
        second = _make(tmp_path / "b" / "deeper", _tree()).read_bytes()
    finally:
        os.umask(umask)
    assert first == second


def test_other_tree_has_another_identity(tmp_path: pathlib.Path) -> None:
    more = Entry(path="more", kind=Kind.DIRECTORY, mode=0o755)
    uuids = {
        line
        for image in (_make(tmp_path / "a", _tree()), _make(tmp_path / "b", _tree(more)))
        for line in _debugfs(_raw(image), "stats -h").splitlines()
        if "Filesystem UUID" in line
    }
    assert len(uuids) == 2


def test_identity_is_a_valid_uuid() -> None:
    identity = ext4.identity("ff" * 32)
    assert (identity.version, identity.variant) == (8, uuid.RFC_4122)


def test_other_architecture_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(disk.DiskError, match="is of architecture aarch64, but the disk of x86_64"):
        _make(tmp_path, _tree(), architecture="x86_64")


def test_too_large_tree_is_rejected(tmp_path: pathlib.Path) -> None:
    large = Entry(path="large", kind=Kind.FILE, mode=0o644, content=Inline(os.urandom(20 << 20)))
    with pytest.raises(errors.InputError, match="size_mib"):
        _make(tmp_path, _tree(large))


def test_long_label_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.InputError, match="longer than 16 bytes"):
        _make(tmp_path, _tree(), label="x" * 17)


def test_changed_archive_is_rejected(tmp_path: pathlib.Path) -> None:
    _make(tmp_path, _tree())
    tar = tmp_path / "rootfs.tar"
    tar.write_bytes(tar.read_bytes().replace(b"tool\n", b"fool\n"))
    with pytest.raises(packed.PackedError, match="sha256"):
        rootfs = (str(tar), str(tmp_path / "rootfs.spec.json"))
        disk.make(_PROGRAMS, _QEMU_IMG, rootfs, "aarch64", str(tmp_path / "x"), tmp_path, size_mib=16, label="root")
