"""Create an ext4 file system from a packed tree, without root.

e2fsprogs 1.47.1 and later read a tar archive (`mke2fs -d`, through libarchive) with its modes, owners, devices and
links, and take the current time from SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import uuid
from collections.abc import Sequence

from tools.cli import errors
from tools.fsspec import packed
from tools.mkdisk import superblock

# All features that a kernel 6.12 reads and writes, without a journal: a sandbox's disk is an overlay that the host
# throws away, and replaying a journal would take time at boot.
_FEATURES = (
    "none,64bit,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_file,"
    "metadata_csum,sparse_super"
)

# The time of creation. Files have their own times, which are not later: mke2fs reads it as the current time.
_EPOCH = str(packed.MTIME)

_LABEL_MAX = 16

# Most characters of a program's output in an error.
_WORDS_MAX = 300


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
        identifier: the file system's UUID, from which the seed of the directory hashes is derived.

    Raises:
        Ext4Error: the label is too long, the tree does not fit, or a program failed. The message has the program's
        output.
    """
    if len(label.encode()) > _LABEL_MAX:
        raise Ext4Error(f"label {label!r} is longer than {_LABEL_MAX} bytes", fix="choose a shorter label")
    seed = identity(uuid.uuid5(identifier, "hash_seed").hex * 2)
    options = f"hash_seed={seed},lazy_itable_init=0,nodiscard,root_owner=0:0"
    run(
        [
            programs.mke2fs,
            *("-q", "-b", "4096", "-I", "256", "-m", "0"),
            *("-O", _FEATURES, "-E", options, "-U", str(identifier), "-L", label),
            *("-d", tar_path, image_path, f"{size_mib}M"),
        ],
        fix=f"if the tree does not fit into {size_mib} MiB, raise size_mib",
    )
    superblock.normalise(image_path)
    run([programs.e2fsck, "-f", "-n", image_path], fix="report this: mke2fs created a damaged file system")


def run(command: Sequence[str], *, fix: str, preload: str = "") -> None:
    """Run a program with an empty environment.

    Args:
        command: the program and its arguments.
        fix: remedy for a failure.
        preload: path of a library to load before the program's own.

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
        **({"LD_PRELOAD": os.path.abspath(preload)} if preload else {}),
    }
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        words = "; ".join(filter(None, map(str.strip, (done.stdout + done.stderr).splitlines()))) or "no output"
        name = os.path.basename(command[0])
        raise Ext4Error(f"failed with exit code {done.returncode}: {words[-_WORDS_MAX:]}", where=name, fix=fix)
