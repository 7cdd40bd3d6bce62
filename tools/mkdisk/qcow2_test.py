"""Images, written here, and read by qemu-img and here."""

from __future__ import annotations

import os
import pathlib
import random
import struct
import subprocess
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.mkdisk import clusters, qcow2
from tools.mkdisk.qcow2 import CLUSTER, Cluster

_QEMU_IMG = os.path.abspath(os.environ["QEMU_IMG"])

# Contents of clusters: nothing, text, random bytes, a byte in zeros.
_KINDS: dict[str, Callable[[int], bytes]] = {
    "zeros": lambda number: bytes(CLUSTER),
    "text": lambda number: (f"{number} text\n".encode() * CLUSTER)[:CLUSTER],
    "random": lambda number: random.Random(number).randbytes(CLUSTER),
    "byte": lambda number: bytes(CLUSTER - 1) + bytes([number % 255 + 1]),
}


def _disk(path: pathlib.Path, kinds: list[str]) -> pathlib.Path:
    with path.open("wb") as stream:
        for number, kind in enumerate(kinds):
            stream.seek(number * CLUSTER)
            if kind != "zeros":
                stream.write(_KINDS[kind](number))
        stream.truncate(len(kinds) * CLUSTER)
    return path


def _image(path: pathlib.Path, disk: pathlib.Path, like: pathlib.Path | None = None) -> pathlib.Path:
    with path.open("wb") as stream:
        qcow2.write(stream, clusters.compress(disk, clusters.known(like) if like else []))
    return path


def _raw(image: pathlib.Path) -> bytes:
    raw = image.with_suffix(".raw")
    subprocess.run([_QEMU_IMG, "check", "-q", image], check=True)
    subprocess.run([_QEMU_IMG, "convert", "-O", "raw", image, raw], check=True)
    return raw.read_bytes()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(_KINDS)), min_size=1, max_size=24))
def test_qemu_reads_what_was_written(tmp_path: pathlib.Path, kinds: list[str]) -> None:
    disk = _disk(tmp_path / "disk", kinds)
    image = _image(tmp_path / "image.qcow2", disk)
    assert _raw(image) == disk.read_bytes()
    again = _image(tmp_path / "again.qcow2", disk, like=image)
    assert again.read_bytes() == image.read_bytes()


def test_image_of_several_tables_is_whole(tmp_path: pathlib.Path) -> None:
    count = CLUSTER // 8 + 3
    disk = tmp_path / "disk"
    with disk.open("wb") as stream:
        stream.truncate(count * CLUSTER)
        stream.seek((count - 1) * CLUSTER)
        stream.write(b"end")
    image = _image(tmp_path / "image.qcow2", disk)
    subprocess.run([_QEMU_IMG, "check", "-q", image], check=True)
    subprocess.run([_QEMU_IMG, "compare", "-f", "raw", "-F", "qcow2", disk, image], check=True)
    assert image.stat().st_size < 7 * CLUSTER


def test_many_small_clusters_share_one_of_the_file(tmp_path: pathlib.Path) -> None:
    image = _image(tmp_path / "image.qcow2", _disk(tmp_path / "disk", ["byte"] * 300))
    assert image.stat().st_size < 6 * CLUSTER
    assert _raw(image).count(0) == 300 * (CLUSTER - 1)


def test_clusters_of_another_disk_are_kept_as_they_are(tmp_path: pathlib.Path) -> None:
    """They keep the compression that they had, which shows that nothing was compressed again."""
    disk = _disk(tmp_path / "disk", ["text", "zeros", "random", "text"])
    first = tmp_path / "first.qcow2"
    weak = zstandard.ZstdCompressor(level=1, write_checksum=True)
    with first.open("wb") as stream:
        data = [disk.read_bytes()[at * CLUSTER :][:CLUSTER] for at in range(4)]
        frames = [
            Cluster(weak.compress(data[0]), True),
            None,
            Cluster(data[2], False),
            Cluster(weak.compress(data[3]), True),
        ]
        qcow2.write(stream, frames)
    changed = _disk(tmp_path / "changed", ["text", "byte", "random", "byte"])
    second = clusters.compress(changed, clusters.known(first))
    assert [second[0], second[2]] == [frames[0], frames[2]]
    assert second[3] != frames[3]
    assert _raw(_image(tmp_path / "second.qcow2", changed, like=first)) == changed.read_bytes()


def _write_at(path: pathlib.Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def test_damaged_images_are_refused(tmp_path: pathlib.Path) -> None:
    disk = _disk(tmp_path / "disk", ["text", "random", "text"])
    image = _image(tmp_path / "image.qcow2", disk)
    whole = image.read_bytes()
    at = 5 * CLUSTER
    for offset, data, words in (
        (0, b"QFI", "another form|is no"),
        (0, b"XYZ", "is not a qcow2 image"),
        (24, struct.pack(">Q", 4 * CLUSTER + 512), "another form"),
        (72, struct.pack(">Q", 0), "another form"),
        (at, b"\0\0\0\0", "damaged cluster"),
    ):
        image.write_bytes(whole)
        _write_at(image, offset, data)
        if image.read_bytes() == whole:
            continue
        with pytest.raises(qcow2.Qcow2Error, match=words):
            clusters.known(image)
    for length in (0, 100, 4 * CLUSTER, at, at + 3, len(whole) - 512):
        image.write_bytes(whole[:length])
        with pytest.raises(qcow2.Qcow2Error, match="truncated|is not a qcow2"):
            clusters.known(image)


def test_cluster_of_another_length_is_refused(tmp_path: pathlib.Path) -> None:
    image = tmp_path / "image.qcow2"
    with image.open("wb") as stream:
        qcow2.write(stream, [Cluster(zstandard.compress(b"short"), compressed=True)])
    with pytest.raises(qcow2.Qcow2Error, match="cluster of 5 bytes"):
        clusters.known(image)


def test_image_that_is_too_large_is_refused(tmp_path: pathlib.Path) -> None:
    # More clusters than a block counts; the file is sparse.
    data = Cluster(bytes(8), compressed=False)
    with (tmp_path / "x").open("wb") as stream, pytest.raises(qcow2.Qcow2Error, match="more than mkdisk writes"):
        qcow2.write(stream, [data] * (CLUSTER // 2))
