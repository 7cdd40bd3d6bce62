"""Convert a root file system into a disk image."""

from __future__ import annotations

import pathlib
import uuid

from tools.cli import errors
from tools.fsspec import packed
from tools.mkdisk import ext4

# Size of a cluster, the unit of compression and of reads. Measured on the disk of `python`, at zstd's own level: 64 KiB
# 50.7 MB, 128 KiB 49.4 MB, 256 KiB 47.9 MB, 512 KiB 48.8 MB, 2 MiB 55.3 MB (the image's own tables take whole
# clusters).
_CLUSTER = "256k"


class DiskError(errors.InputError):
    """A root file system that does not fit the disk."""


def make(
    programs: ext4.Programs,
    qemu_img: str,
    rootfs: tuple[str, str],
    architecture: str,
    output: str,
    work: pathlib.Path,
    *,
    size_mib: int,
    label: str,
    identifier: uuid.UUID | None = None,
    zstd_level: str = "",
) -> None:
    """Write a qcow2 image (version 3, clusters compressed with zstd; QEMU's docs/interop/qcow2).

    Args:
        programs: the programs of e2fsprogs.
        qemu_img: path of qemu-img.
        rootfs: paths of the tar archive and of the JSON file that describes it.
        architecture: architecture of the disk; that of the root file system must be equal.
        output: path of the image.
        work: directory for the uncompressed file system, which is sparse.
        size_mib: size of disk and file system.
        label: label of the file system.
        identifier: UUID of the file system; derived from the tree's digest if None.
        zstd_level: path of the library of zstd_level.c; without it the image is larger.

    Raises:
        InputError: the root file system is damaged, of another architecture or too large, or a program failed.
    """
    tar_path, spec_path = rootfs
    described, _ = packed.load(spec_path, tar_path)
    if described.architecture != architecture:
        raise DiskError(
            f"is of architecture {described.architecture}, but the disk of {architecture}",
            where=spec_path,
            fix="give the root file system of the disk's architecture",
        )
    assert described.archive is not None  # packed.load() rejects documents without one
    image = str(work / "ext4.img")
    ext4.make(
        programs,
        tar_path,
        image,
        size_mib=size_mib,
        label=label,
        identifier=identifier or ext4.identity(described.archive.digest.sha256),
    )
    # Never -W: the order of clusters would be that in which threads finish.
    options = f"compat=1.1,compression_type=zstd,lazy_refcounts=off,cluster_size={_CLUSTER}"
    convert = [qemu_img, "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, image, output]
    ext4.run(convert, fix="check the free space of the disk", preload=zstd_level)
    ext4.run([qemu_img, "check", "-q", "-f", "qcow2", output], fix="report this: qemu-img created a damaged image")
