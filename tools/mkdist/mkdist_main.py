"""Collect products in one flat directory and write their manifest."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli
from tools.mkdist import dist

_FILES = flags.DEFINE_multi_string("file", [], "A product; it keeps its name unless --rename gives it another.")
_RENAMED = flags.DEFINE_multi_string("rename", [], "OLD=NEW: name of the product OLD in the directory.")
_INITRAMFS = flags.DEFINE_multi_string("initramfs_report", [], "Report of mkinitramfs on an initramfs.")
_RELEASES = flags.DEFINE_multi_string("kernel_release", [], "ARCHITECTURE=FILE: the release of the shipped kernel.")
_KERNELS = flags.DEFINE_multi_string(
    "kernel_report", [], "ARCHITECTURE=FILE: report of linux_kernel on a kernel that was built here."
)
_OUTPUT = flags.DEFINE_string("output", None, "The directory to fill; it exists and is empty.", required=True)


def main() -> None:
    """Collect."""
    guests = [dist.load_guest(path) for path in _INITRAMFS.value]
    releases = dict(cli.key_value("kernel_release", value) for value in _RELEASES.value)
    reports = dict(cli.key_value("kernel_report", value) for value in _KERNELS.value)
    guests = [
        dist.add_kernel(guest, releases[guest.architecture], reports.get(guest.architecture))
        if guest.architecture in releases
        else guest
        for guest in guests
    ]
    names = dict(cli.key_value("rename", value) for value in _RENAMED.value)
    dist.make(_FILES.value, guests, pathlib.Path(_OUTPUT.value), names)


if __name__ == "__main__":
    cli.run(main)
