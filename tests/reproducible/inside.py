"""Find the difference inside two files of one name: cpio, tar, disks and text."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Iterator

import zstandard

_LINES_MAX = 40
"""Largest number of differences to report for one artefact."""

_BLOCK = 4096
_ZSTD, _GZIP, _CPIO, _QCOW2, _ELF = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"070701", b"QFI\xfb", b"\x7fELF"
_FIELDS = ("ino", "mode", "uid", "gid", "nlink", "mtime", "size", "devmajor", "devminor", "rdevmajor", "rdevminor")


def explain(left: pathlib.Path, right: pathlib.Path, work: pathlib.Path) -> list[str]:
    """Describe the differences of two files whose bytes differ, in at least one line."""
    lines = list(_explain(left, right, work))
    if len(lines) > _LINES_MAX:
        lines[_LINES_MAX:] = [f"and {len(lines) - _LINES_MAX} more differences"]
    return lines or [_bytes(left.read_bytes(), right.read_bytes()) + ", in no entry's content or attributes"]


def _explain(left: pathlib.Path, right: pathlib.Path, work: pathlib.Path) -> Iterator[str]:
    with open(left, "rb") as stream:
        start = stream.read(4)
    if start == _QCOW2:
        yield from _disks(left, right, work)
    elif tarfile.is_tarfile(left) and tarfile.is_tarfile(right):
        yield from _entries(_tar(left), _tar(right))
    else:
        first, second = (_unpacked(path.read_bytes()) for path in (left, right))
        if first.startswith(_CPIO) and second.startswith(_CPIO):
            yield from _entries(cpio(first), cpio(second))
        elif first.startswith(_ELF) or b"\0" in first + second:
            yield _bytes(first, second)
        else:
            yield _text(first, second)


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_ZSTD):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return gzip.decompress(data) if data.startswith(_GZIP) else data


def _entries(left: dict[str, dict[str, object]], right: dict[str, dict[str, object]]) -> Iterator[str]:
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            yield f"{name} is only in the {'second' if name not in left else 'first'}"
            continue
        for key, value in left[name].items():
            if value != right[name][key]:
                yield f"{name}: {key} is {value} and {right[name][key]}"
    if list(left) != list(right) and left.keys() == right.keys():
        place = next(number for number, pair in enumerate(zip(left, right, strict=True)) if pair[0] != pair[1])
        yield f"entry {place} is {list(left)[place]} and {list(right)[place]}: the order differs"


def cpio(data: bytes) -> dict[str, dict[str, object]]:
    """Read a newc archive: attributes and digest of the content by name, in the archive's order."""
    result: dict[str, dict[str, object]] = {}
    at = 0
    while data[at : at + 6] == _CPIO:
        numbers = [int(data[at + 6 + 8 * field : at + 14 + 8 * field], 16) for field in range(12)]
        size, length = numbers[6], numbers[11]
        name = data[at + 110 : at + 110 + length - 1].decode("utf-8", "backslashreplace")
        begin = at + 110 + length
        begin += -begin % 4
        if name == "TRAILER!!!":
            break
        content = data[begin : begin + size]
        digest = hashlib.sha256(content).hexdigest()
        result[name] = {**dict(zip(_FIELDS, numbers, strict=False)), "sha256": digest}
        at = begin + size
        at += -at % 4
    return result


def _tar(path: pathlib.Path) -> dict[str, dict[str, object]]:
    result: dict[str, dict[str, object]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            keys = ("type", "mode", "uid", "gid", "uname", "gname", "mtime", "linkname", "size", "devmajor", "devminor")
            result[member.name] = {key: getattr(member, key) for key in keys}
            if member.isreg() and (stream := archive.extractfile(member)):
                result[member.name]["sha256"] = hashlib.sha256(stream.read()).hexdigest()
    return result


def _disks(left: pathlib.Path, right: pathlib.Path, work: pathlib.Path) -> Iterator[str]:
    """Compare file systems block by block; debugfs names the owner of a block."""
    raw: list[pathlib.Path] = []
    for number, path in enumerate((left, right)):
        raw.append(work / f"{number}.raw")
        _run(os.environ["QEMU_IMG"], "convert", "-f", "qcow2", "-O", "raw", str(path), str(raw[-1]))
    blocks: list[int] = []
    with open(raw[0], "rb") as first, open(raw[1], "rb") as second:
        number = 0
        while (one := first.read(_BLOCK)) or second.peek(1):
            if one != second.read(_BLOCK):
                blocks.append(number)
            number += 1
    if not blocks:
        yield "the disks have the same content: only the image format's own data differ"
    yield from _owners(raw[0], blocks)


def _owners(image: pathlib.Path, blocks: list[int]) -> Iterator[str]:
    if not blocks:
        return
    answer = _debugfs(image, "icheck " + " ".join(map(str, blocks[: 10 * _LINES_MAX])))
    inodes: dict[str, list[str]] = {}
    for line in answer.splitlines()[1:]:
        block, _, inode = line.partition("\t")
        inodes.setdefault(inode if inode.isdigit() else "", []).append(block)
    known = sorted(int(inode) for inode in inodes if inode)
    names: dict[str, str] = {}
    if known:
        for line in _debugfs(image, "ncheck " + " ".join(map(str, known))).splitlines()[1:]:
            inode, _, name = line.partition("\t")
            names[inode] = name.strip().replace("//", "/")
    for inode in known:
        name = names.get(str(inode), f"inode {inode}")
        yield f"{name}: its block {inodes[str(inode)][0]} differs"
    if "" in inodes:
        yield f"the file system's own data differ, in block {', '.join(inodes[''][:8])}: see dumpe2fs and debugfs"


def _debugfs(image: pathlib.Path, request: str) -> str:
    return _run(os.environ["DEBUGFS"], "-R", request, str(image))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _text(first: bytes, second: bytes) -> str:
    one, two = first.splitlines(), second.splitlines()
    for number, pair in enumerate(zip(one, two, strict=False), start=1):
        if pair[0] != pair[1]:
            return f"line {number} is {pair[0][:200]!r} and {pair[1][:200]!r}"
    return f"has {len(one)} and {len(two)} lines"


def _bytes(first: bytes, second: bytes) -> str:
    size = min(len(first), len(second))
    # A binary search finds the first difference with few comparisons.
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if first[:middle] == second[:middle] else (low, middle - 1)
    return f"differs from byte {low:#x} on ({len(first)} and {len(second)} bytes)"
