"""Create a qcow2 disk from a root file system."""

from __future__ import annotations

import pathlib
import tempfile
import uuid

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag
from tools.mkdisk import disk, ext4

_TAR = flags.DEFINE_string("rootfs_tar", None, "Tar archive of the root file system.", required=True)
_SPEC = flags.DEFINE_string("rootfs_spec", None, "JSON description of the archive.", required=True)
_ARCHITECTURE = architecture_flag.define("Architecture that the root file system must have.")
_OUTPUT = flags.DEFINE_string("output", None, "Output: the qcow2 image.", required=True)
_SIZE = flags.DEFINE_integer("size_mib", 2048, "Size of disk and file system, in MiB.", lower_bound=8)
_LABEL = flags.DEFINE_string("label", "root", "Label of the file system, 16 bytes at most.")
_UUID = flags.DEFINE_string("uuid", "", "UUID of the file system; derived from the tree's digest if empty.")
_MKE2FS = flags.DEFINE_string("mke2fs", None, "The program mke2fs, 1.47.1 or newer.", required=True)
_E2FSCK = flags.DEFINE_string("e2fsck", None, "The program e2fsck.", required=True)
_QEMU_IMG = flags.DEFINE_string("qemu_img", None, "The program qemu-img.", required=True)
_LIKE = flags.DEFINE_string(
    "like", "", "A disk that mkdisk created of nearly the same tree: equal clusters are not compressed again."
)


def main() -> None:
    """Create the disk."""
    try:
        identifier = uuid.UUID(_UUID.value) if _UUID.value else None
    except ValueError:
        raise cli.UsageError(f"--uuid={_UUID.value}: is not a UUID") from None
    # Beside the output: the directory for temporary files may be small.
    directory = pathlib.Path(_OUTPUT.value).parent
    with cli.output_path(_OUTPUT.value) as output, tempfile.TemporaryDirectory(dir=directory) as work:
        disk.make(
            ext4.Programs(mke2fs=_MKE2FS.value, e2fsck=_E2FSCK.value),
            _QEMU_IMG.value,
            (_TAR.value, _SPEC.value),
            _ARCHITECTURE.value,
            str(output),
            pathlib.Path(work),
            size_mib=_SIZE.value,
            label=_LABEL.value,
            identifier=identifier,
            like=pathlib.Path(_LIKE.value) if _LIKE.value else None,
        )


if __name__ == "__main__":
    cli.run(main)
