"""Write and read qcow2 images (version 3) whose clusters are compressed with zstd: QEMU's docs/interop/qcow2.

No library writes compressed clusters. `qemu-img convert` compresses one cluster after another, or, with `-W`, stores
them in the order in which threads finish. It has no option for the level, and cannot keep another image's clusters.

    cluster 0     header
    cluster 1, 2  table of the one block of reference counts, that block
    cluster 3     level 1 table
    cluster 4 …   level 2 tables, then the clusters' data in the order of the disk: compressed ones close up, others
                  fill a cluster
"""

from __future__ import annotations

import dataclasses
import pathlib
import struct
from collections.abc import Iterator, Sequence
from typing import IO

from tools.cli import errors

CLUSTER_BITS = 18
CLUSTER = 1 << CLUSTER_BITS
"""Size of a cluster, the unit of compression and of reads. Measured on the disk of `python`, at zstd's default level:
64 KiB 50.7 MB, 128 KiB 49.4 MB, 256 KiB 47.9 MB, 512 KiB 48.8 MB, 2 MiB 55.3 MB (the image's own tables take whole
clusters)."""

_MAGIC = b"QFI\xfb"
_VERSION = 3
_ZSTD = 1
# The compression is not zlib.
_INCOMPATIBLE = 1 << 3
# Log2 of the bits of a reference count.
_COUNT_ORDER = 4
_COUNT = 2
_ENTRY = 8
_SECTOR = 512
# Number of reference counts in a block, of entries in a table.
_COUNTS = CLUSTER // _COUNT
_ENTRIES = CLUSTER // _ENTRY

_COUNT_TABLE_AT, _COUNTS_AT, _LEVEL1_AT, _TABLES_AT = (number * CLUSTER for number in range(1, 5))

_COMPRESSED = 1 << 62
_COPIED = 1 << 63
# Bits of a compressed cluster's offset in its entry; the number of further sectors follows.
_OFFSET_BITS = 62 - (CLUSTER_BITS - 8)
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1
_HOST_MASK = (1 << 56) - _SECTOR

# Magic, version, backing file (offset, length), cluster bits, size, encryption, level 1 table (entries, offset), table
# of reference counts (offset, clusters), snapshots (number, offset), features (incompatible, compatible, of bitmaps),
# order of counts, length of the header, compression.
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQIIB7x")


class Qcow2Error(errors.InputError):
    """A file that is not an image of `write`."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The data of a cluster, as stored in the image.

    Attributes:
        data: the bytes.
        compressed: whether they are a frame of zstd; otherwise they are the cluster itself.
    """

    data: bytes
    compressed: bool


def write(stream: IO[bytes], clusters: Sequence[Cluster | None]) -> None:
    """Write an image.

    Args:
        stream: an empty file.
        clusters: the clusters of the disk, in order; None is a cluster of zeros.

    Raises:
        Qcow2Error: the image is larger than one block of reference counts covers, 32 GiB.
    """
    tables = -(-len(clusters) // _ENTRIES)
    entries = [0] * (tables * _ENTRIES)
    end = _TABLES_AT + tables * CLUSTER
    counts = [1] * (end // CLUSTER)
    for number, cluster in enumerate(clusters):
        if cluster is None:
            continue
        start = end if cluster.compressed else _aligned(end, CLUSTER)
        end = start + len(cluster.data)
        entries[number] = _COMPRESSED | _descriptor(start, end) if cluster.compressed else _COPIED | start
        stream.seek(start)
        stream.write(cluster.data)
        last = (end - 1) // CLUSTER
        counts += [0] * (last + 1 - len(counts))
        for touched in range(start // CLUSTER, last + 1):
            counts[touched] += 1
    if len(counts) > _COUNTS or tables > _ENTRIES:
        raise Qcow2Error(f"the image has {end} bytes, more than mkdisk writes", fix="make the disk smaller")
    # A compressed cluster is read in whole sectors.
    stream.truncate(_aligned(end, _SECTOR))
    for offset, data in (
        (0, _header(len(clusters))),
        (_COUNT_TABLE_AT, struct.pack(">Q", _COUNTS_AT)),
        (_COUNTS_AT, struct.pack(f">{len(counts)}H", *counts)),
        (
            _LEVEL1_AT,
            struct.pack(f">{tables}Q", *(_COPIED | _TABLES_AT + number * CLUSTER for number in range(tables))),
        ),
        (_TABLES_AT, struct.pack(f">{len(entries)}Q", *entries)),
    ):
        stream.seek(offset)
        stream.write(data)


def read(path: pathlib.Path) -> Iterator[Cluster | None]:
    """Yield the clusters of an image of `write`, in order.

    The data of a compressed cluster may have more bytes at its end.

    Raises:
        Qcow2Error: it is not such an image, or it is truncated.
    """
    with path.open("rb") as stream:
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or header[:4] != _MAGIC:
            raise Qcow2Error("is not a qcow2 image", where=str(path))
        count = _HEADER.unpack(header)[5] // CLUSTER
        if header != _header(count):
            raise Qcow2Error("is a qcow2 image of another form than mkdisk's own", where=str(path))
        stream.seek(_TABLES_AT)
        table = stream.read(count * _ENTRY)
        if len(table) < count * _ENTRY:
            raise Qcow2Error("is truncated", where=str(path))
        for (entry,) in struct.iter_unpack(">Q", table):
            yield _read(stream, entry, str(path)) if entry else None


def _header(count: int) -> bytes:
    return _HEADER.pack(
        _MAGIC,
        _VERSION,
        *(0, 0),
        CLUSTER_BITS,
        count * CLUSTER,
        0,
        *(-(-count // _ENTRIES), _LEVEL1_AT),
        *(_COUNT_TABLE_AT, 1),
        *(0, 0),
        *(_INCOMPATIBLE, 0, 0),
        _COUNT_ORDER,
        _HEADER.size,
        _ZSTD,
    )


def _descriptor(start: int, end: int) -> int:
    sectors = (end - 1) // _SECTOR - start // _SECTOR
    return sectors << _OFFSET_BITS | start


def _read(stream: IO[bytes], entry: int, where: str) -> Cluster:
    compressed = bool(entry & _COMPRESSED)
    if compressed:
        offset = entry & _OFFSET_MASK
        sectors = (entry & ~_COMPRESSED) >> _OFFSET_BITS
        length = (sectors + 1) * _SECTOR - offset % _SECTOR
    else:
        offset, length = entry & _HOST_MASK, CLUSTER
    stream.seek(offset)
    data = stream.read(length)
    if len(data) < length:
        raise Qcow2Error("is truncated", where=where)
    return Cluster(data, compressed)


def _aligned(number: int, unit: int) -> int:
    return -(-number // unit) * unit
