"""Test that the comparison finds each kind of difference, and its place."""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import zstandard

from tests.reproducible import compare, inside
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind
from tools.mkinitramfs import newc

Differ = Callable[[bytes, bytes], list[str]]
Disk = Callable[..., bytes]


def entry(path: str, data: bytes = b"data", **kwargs: Any) -> Entry:
    values: dict[str, Any] = {"path": path, "kind": Kind.FILE, "mode": 0o644, "content": Inline(data), **kwargs}
    return Entry(**values)


def cpio(*entries: Entry, mtime: int = 0) -> bytes:
    buffer = io.BytesIO()
    newc.write(entries, buffer, mtime)
    return buffer.getvalue()


def tar(**attributes: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        data = attributes.pop("data", b"data")
        for name in attributes.pop("names", ["a", "b"]):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def differences_of(tmp_path: pathlib.Path) -> Differ:
    """Return a function that compares two contents of one file."""

    def call(left: bytes, right: bytes) -> list[str]:
        found: list[dict[str, pathlib.Path]] = []
        for side, data in (("left", left), ("right", right)):
            (tmp_path / side).write_bytes(data)
            found.append({"file": tmp_path / side})
        lines = compare.differences(found[0], found[1], tmp_path)
        assert all(line.startswith("file: ") for line in lines)
        return [line.removeprefix("file: ") for line in lines]

    return call


def test_same_bytes_are_no_difference(differences_of: Differ) -> None:
    assert differences_of(b"a", b"a") == []


def test_missing_file_is_found_on_either_side(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").touch()
    both = {"f": tmp_path / "f"}
    assert compare.differences(both, {}, tmp_path) == ["f: is only in the first build"]
    assert compare.differences({}, both, tmp_path) == ["f: is only in the second build"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_cpio_difference_names_member(differences_of: Differ, pack: Callable[[bytes], bytes]) -> None:
    first = cpio(entry("a"), entry("b"))
    for second, words in [
        (cpio(entry("a"), entry("b", b"DATA")), "b: sha256 is"),
        (cpio(entry("a"), entry("b", mode=0o600)), "b: mode is"),
        (cpio(entry("a", uid=7), entry("b")), "a: uid is 0 and 7"),
        (cpio(entry("a"), entry("b"), mtime=9), "a: mtime is 0 and 9"),
        (cpio(entry("a")), "b is only in the first"),
        (cpio(entry("b"), entry("a")), "entry 0 is a and b: the order differs"),
    ]:
        assert any(words in line for line in differences_of(pack(first), pack(second))), words


def test_tar_difference_names_member(differences_of: Differ) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"data": b"DATA"}, "a: sha256 is"),
        ({"mode": 0o600}, "a: mode is"),
        ({"mtime": 5}, "b: mtime is 0 and 5"),
        ({"uname": "user"}, "a: uname is  and user"),
        ({"names": ["b", "a"]}, "the order differs"),
        ({"names": ["a", "b", "c"]}, "c is only in the second"),
    ]
    for attributes, words in cases:
        assert any(words in line for line in differences_of(tar(), tar(**attributes))), words


def test_text_and_binary_differences_are_shown(differences_of: Differ) -> None:
    assert differences_of(b"a\nb\n", b"a\nc\n") == ["line 2 is b'b' and b'c'"]
    assert differences_of(b"a\n", b"a\nc\n") == ["has 1 and 2 lines"]
    assert differences_of(b"\0" * 70 + b"x", b"\0" * 70 + b"y") == ["differs from byte 0x46 on (71 and 71 bytes)"]


def test_difference_of_compression_alone_is_named(differences_of: Differ) -> None:
    lines = differences_of(zstandard.compress(cpio(entry("a")), 1), zstandard.compress(cpio(entry("a")) * 1, 19))
    assert all("in no entry's content" in line for line in lines)


def test_many_differences_are_truncated(differences_of: Differ) -> None:
    first = cpio(*(entry(f"{number:03}") for number in range(100)))
    second = cpio(*(entry(f"{number:03}", b"DATA") for number in range(100)))
    assert differences_of(first, second)[-1] == "and 60 more differences"


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Disk:
    """Return a function that makes a qcow2 disk with files."""

    def make(files: Mapping[str, bytes], label: str = "a") -> bytes:
        raw, image = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        (tmp_path / "disk.tar").write_bytes(buffer.getvalue())
        options = "hash_seed=00000000-0000-4000-8000-000000000001"
        command = [os.environ["MKE2FS"], "-q", "-F", "-t", "ext4", "-b", "4096", "-E", options, "-L", label]
        command += ["-U", "00000000-0000-4000-8000-000000000002", "-d", str(tmp_path / "disk.tar"), str(raw), "8M"]
        raw.unlink(missing_ok=True)
        subprocess.run(command, check=True, env={"SOURCE_DATE_EPOCH": "1"})
        convert = [os.environ["QEMU_IMG"], "convert", "-f", "raw", "-O", "qcow2", str(raw), str(image)]
        subprocess.run(convert, check=True)
        return image.read_bytes()

    return make


def test_disk_difference_names_file(differences_of: Differ, disk: Disk) -> None:
    first = disk({"tool": b"x" * 9000, "conf": b"c" * 5000})
    lines = differences_of(first, disk({"tool": b"x" * 8999 + b"y", "conf": b"c" * 5000}))
    assert any(line.startswith("/tool: its block") for line in lines), lines
    assert not any("conf" in line for line in lines)


def test_disk_difference_names_metadata(differences_of: Differ, disk: Disk) -> None:
    files = {"conf": b"c" * 5000}
    lines = differences_of(disk(files), disk(files, label="b"))
    assert lines[0].startswith("the file system's own data differ, in block 0")


def test_outputs_are_of_requested_packages(tmp_path: pathlib.Path) -> None:
    # Bazel writes the arguments of a command only where it runs the command.
    arguments = ("k8/bin/images/kernel.modules.builtin-0.params",)
    for name in ("k8/bin/images/a", "st/bin/images/sub/b", "k8/bin/other/c", "k8/bin/images/d.runfiles/e", *arguments):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(compare.outputs(tmp_path, ["images"])) == ["k8/bin/images/a", "st/bin/images/sub/b"]


def test_cpio_keeps_order_of_archive() -> None:
    assert list(inside.cpio(cpio(entry("b"), entry("a")))) == ["b", "a"]
