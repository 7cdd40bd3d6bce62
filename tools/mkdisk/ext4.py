"""Create an ext4 file system from a packed tree, without root.

e2fsprogs 1.47.1 and later read a tar archive (`mke2fs -d`, through libarchive) with its modes, owners, devices and
links, and take the current time from SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Sequence

from tools.cli import errors, program
from tools.fsspec import packed
from tools.mkdisk import superblock

# All features that a kernel 6.12 reads and writes, without a journal: a sandbox's disk is an overlay that the host
# throws away, and replaying a journal would take time at boot.
_FEATURES = (
    "none,64bit,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_file,"
    "metadata_csum,metadata_csum_seed,sparse_super"
)

# UUID during creation: the seed of all checksums is derived from it, and keeps this value. With the disk's own UUID,
# disks that differ in one file would differ in the checksum of every directory and inode, and no cluster of one could
# be reused for the other. The seed of the directory hashes is fixed for the same reason. Both are public with the
# image in any case.
_UUID = "c6c3d8a4-5f0e-8b6c-9d3e-2b1f7a904e15"
_HASH_SEED = "0b7f5d1e-92c4-8a3d-b6e8-41d95c27f0a3"

# The time of creation. Files have their own times, which are not later: mke2fs reads it as the current time.
_EPOCH = str(packed.MTIME)

_LABEL_MAX = 16


class Ext4Error(errors.InputError):
    """mke2fs could not create the file system, or it is damaged."""


@dataclasses.dataclass(frozen=True)
class Programs:
    """The programs of e2fsprogs.

    Attributes:
        mke2fs: path.
        e2fsck: path.
    """

    mke2fs: str
    e2fsck: str


def identity(sha256: str) -> uuid.UUID:
    """Return the UUID of the file system for the tree with this digest (RFC 9562, version 8)."""
    return uuid.UUID(bytes=_versioned(bytes.fromhex(sha256)[:16]))


def _versioned(data: bytes) -> bytes:
    fields = bytearray(data)
    fields[6] = fields[6] & 0x0F | 0x80
    fields[8] = fields[8] & 0x3F | 0x80
    return bytes(fields)


def make(
    programs: Programs, tar_path: str, image_path: str, *, size_mib: int, label: str, identifier: uuid.UUID
) -> None:
    """Write the file system into a sparse file and check it.

    Args:
        programs: the programs of e2fsprogs.
        tar_path: the tree, as written by `packed.write_tar`.
        image_path: the file.
        size_mib: its size in MiB.
        label: volume label, 16 bytes at most.
        identifier: the file system's UUID.

    Raises:
        Ext4Error: the label is too long, the tree does not fit, or a program failed. The message has the program's
        output.
    """
    if len(label.encode()) > _LABEL_MAX:
        raise Ext4Error(f"label {label!r} is longer than {_LABEL_MAX} bytes", fix="choose a shorter label")
    options = f"hash_seed={_HASH_SEED},lazy_itable_init=0,nodiscard,root_owner=0:0"
    run(
        [
            programs.mke2fs,
            *("-q", "-b", "4096", "-I", "256", "-m", "0"),
            *("-O", _FEATURES, "-E", options, "-U", _UUID, "-L", label),
            *("-d", tar_path, image_path, f"{size_mib}M"),
        ],
        fix=f"if the tree does not fit into {size_mib} MiB, raise size_mib",
    )
    superblock.normalise(image_path, identifier)
    run([programs.e2fsck, "-f", "-n", image_path], fix="report this: mke2fs created a damaged file system")


def run(command: Sequence[str], *, fix: str) -> None:
    """Run a program with an empty environment.

    Args:
        command: the program and its arguments.
        fix: remedy for a failure.

    Raises:
        Ext4Error: the program failed; the message has its last line of output.
    """
    environment = {
        # Otherwise the machine's own settings in /etc would apply.
        "E2FSCK_CONFIG": os.devnull,
        "E2FSPROGS_FAKE_TIME": _EPOCH,
        "LC_ALL": "C",
        "MKE2FS_CONFIG": os.devnull,
        "SOURCE_DATE_EPOCH": _EPOCH,
        "TZ": "UTC",
    }
    program.run(command, environment=environment, error=Ext4Error, fix=fix)
