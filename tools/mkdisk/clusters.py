"""Compress the clusters of a disk, on all CPUs, and keep the equal clusters of another image."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import threading
from collections.abc import Iterator, Sequence

import zstandard

from tools.mkdisk import qcow2
from tools.mkdisk.qcow2 import CLUSTER, Cluster, Qcow2Error

# Measured on the disk of `python`, CPU seconds and MB of all clusters: level 3, the library's default, 0.4 and
# 54.1; 9, 1.9 and 50.8; 13, 8.0 and 49.5; 14, 9.7 and 47.9; 15, 10.7 to 12.5 and 47.8; 16, 14.6 and 47.4. The speed of
# reads does not depend on it.
_LEVEL = 14

_ZEROS = bytes(CLUSTER)


@dataclasses.dataclass(frozen=True)
class Known:
    """A compressed cluster.

    Attributes:
        sha256: digest of its uncompressed bytes.
        cluster: its form in an image.
    """

    sha256: bytes
    cluster: Cluster


class _Contexts(threading.local):
    """The contexts of a thread: zstd's cannot be shared."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


def known(path: pathlib.Path) -> list[Known | None]:
    """Read the clusters of an image of mkdisk; clusters of zeros are None.

    Raises:
        Qcow2Error: it is not such an image, or it is damaged.
    """
    contexts = _Contexts()

    def digest(cluster: Cluster | None) -> Known | None:
        if cluster is None:
            return None
        if not cluster.compressed:
            return Known(_digest(cluster.data), cluster)
        frame = contexts.decompressor.decompressobj()
        try:
            data = frame.decompress(cluster.data)
        except zstandard.ZstdError as error:
            raise Qcow2Error(f"has a damaged cluster: {error}", where=str(path)) from None
        if len(data) != CLUSTER:
            raise Qcow2Error(f"has a cluster of {len(data)} bytes", where=str(path))
        exact = cluster.data[: len(cluster.data) - len(frame.unused_data)]
        return Known(_digest(data), Cluster(exact, compressed=True))

    with _pool() as pool:
        return list(pool.map(digest, qcow2.read(path)))


def compress(image: pathlib.Path, like: Sequence[Known | None] = ()) -> list[Cluster | None]:
    """Compress the clusters of a disk.

    Args:
        image: the disk; it may be sparse.
        like: clusters of another disk. A cluster that equals the one at the same place is not compressed again. The
            output is the same.
    """
    count = image.stat().st_size // CLUSTER
    contexts = _Contexts()
    with image.open("rb") as stream, _pool() as pool:
        descriptor = stream.fileno()

        def one(number: int) -> Cluster | None:
            data = os.pread(descriptor, CLUSTER, number * CLUSTER)
            if data == _ZEROS:
                return None
            there = like[number] if number < len(like) else None
            if there and there.sha256 == _digest(data):
                return there.cluster
            frame = contexts.compressor.compress(data)
            # Reads of an uncompressed cluster take no time for decompression.
            return Cluster(frame, compressed=True) if len(frame) < CLUSTER else Cluster(data, compressed=False)

        numbers = _with_data(descriptor, count)
        result: list[Cluster | None] = [None] * count
        for number, cluster in zip(numbers, pool.map(one, numbers), strict=True):
            result[number] = cluster
    return result


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _pool() -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))


def _with_data(descriptor: int, count: int) -> list[int]:
    """Return the numbers of clusters that are not holes of a sparse file."""
    return sorted({number for start, end in _extents(descriptor, count * CLUSTER) for number in range(start, end)})


def _extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield first and last clusters of the parts of a file with data, the last one exclusive."""
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:
            # ENXIO: only a hole follows.
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start // CLUSTER, -(-min(end, size) // CLUSTER)
