"""A root file system becomes a disk image."""

from __future__ import annotations

import pathlib
import uuid

from tools.cli import errors
from tools.fsspec import packed
from tools.mkdisk import clusters, ext4, qcow2


class DiskError(errors.InputError):
    """A root file system that is not one for this disk."""


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
        programs: of e2fsprogs.
        qemu_img: path of qemu-img, which checks the image.
        rootfs: paths of the tar archive and of the JSON file that describes it.
        architecture: what the disk is for; the root file system must say the same.
        output: where to write.
        work: folder for the file system before it is compressed; it is sparse.
        size_mib: size of disk and file system.
        label: label of the file system.
        identifier: UUID of the file system; made of the tree's digest when not given.
        like: a disk of nearly the same tree, which saves time: its clusters are kept where they are equal. The outcome
            is the same without it.

    Raises:
        InputError: the root file system is damaged, of another architecture or too large, or a program failed.
    """
    tar_path, spec_path = rootfs
    described, _ = packed.load(spec_path, tar_path)
    if described.architecture != architecture:
        raise DiskError(
            f"is of architecture {described.architecture}, and the disk of {architecture}",
            where=spec_path,
            fix="give the root file system of the disk's architecture",
        )
    assert described.archive is not None  # packed.load() refuses what has none
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
    ext4.run([qemu_img, "check", "-q", "-f", "qcow2", output], fix="report this: mkdisk made a damaged image")
