"""Add guest binaries to a packed root file system."""

from __future__ import annotations

import os

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag
from tools.fsspec import packed
from tools.mkrootfs import guest_binaries

_ARCHITECTURE = architecture_flag.define("Required architecture of the programs.")
_ROOTFS_TAR = flags.DEFINE_string(
    "rootfs_tar", None, "Tar archive of the root file system without them.", required=True
)
_ROOTFS_SPEC = flags.DEFINE_string("rootfs_spec", None, "JSON description of that archive.", required=True)
_BINARIES = flags.DEFINE_multi_string(
    "binary", [], "PATH=FILE: a static program FILE to put at PATH of the image, 0755 of root."
)
_MTIME = flags.DEFINE_integer("mtime", packed.MTIME, "Time of the programs, in seconds since 1970.", lower_bound=0)
_TAR = flags.DEFINE_string("tar", None, "Output: the archive.", required=True)
_SPEC_OUTPUT = flags.DEFINE_string("spec_output", None, "Output: the archive's JSON file.", required=True)


def main() -> None:
    """Check the programs, and pack."""
    binaries: dict[str, str] = {}
    for value in _BINARIES.value:
        path, source = cli.key_value("binary", value)
        if path in binaries:
            raise cli.UsageError(f"--binary is given twice for {path}")
        binaries[path] = source
    added = guest_binaries.entries(binaries, _ARCHITECTURE.value)
    with cli.output_path(_TAR.value) as tar, cli.output_path(_SPEC_OUTPUT.value) as spec:
        packed.extend(
            (_ROOTFS_TAR.value, _ROOTFS_SPEC.value),
            added,
            str(tar),
            str(spec),
            name=os.path.basename(_TAR.value),
            mtime=_MTIME.value,
        )


if __name__ == "__main__":
    cli.run(main)
