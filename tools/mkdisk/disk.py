"""Convert a root file system into a disk image."""

from __future__ import annotations

import pathlib
import uuid

from tools.cli import errors
from tools.fsspec import packed
from tools.mkdisk import clusters, ext4, qcow2


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
    like: pathlib.Path | None = None,
) -> None:
    """Write a qcow2 image, see qcow2.py.

    Args:
        programs: the programs of e2fsprogs.
        qemu_img: path of qemu-img, which checks the image.
        rootfs: paths of the tar archive and of the JSON file that describes it.
        architecture: architecture of the disk; that of the root file system must be equal.
        output: path of the image.
        work: directory for the uncompressed file system, which is sparse.
        size_mib: size of disk and file system.
        label: label of the file system.
        identifier: UUID of the file system; derived from the tree's digest if None.
        like: a disk of nearly the same tree, which saves time: equal clusters are copied from it. The output is the
            same without it.

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
    known = clusters.known(like) if like else []
    with open(output, "wb") as stream:
        qcow2.write(stream, clusters.compress(pathlib.Path(image), known))
    ext4.run([qemu_img, "check", "-q", "-f", "qcow2", output], fix="report this: mkdisk created a damaged image")
