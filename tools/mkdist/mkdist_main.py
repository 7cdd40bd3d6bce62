"""Collects products in one flat folder and writes their manifest."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli
from tools.mkdist import dist

_FILES = flags.DEFINE_multi_string("file", [], "A product; it keeps its name.")
_INITRAMFS = flags.DEFINE_multi_string("initramfs_report", [], "What mkinitramfs reported of an initramfs.")
_OUTPUT = flags.DEFINE_string("output", None, "The folder to fill; it exists and is empty.", required=True)


def main() -> None:
    """Collects."""
    guests = [dist.load_guest(path) for path in _INITRAMFS.value]
    dist.make(_FILES.value, guests, pathlib.Path(_OUTPUT.value))


if __name__ == "__main__":
    cli.run(main)
