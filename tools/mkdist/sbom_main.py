"""Write the SPDX bill of materials of one image, after a check that it is complete."""

from __future__ import annotations

import dataclasses
import pathlib

from absl import flags

from tools.cli import cli
from tools.fsspec import packed
from tools.mkdist import ownership, sbom

_IMAGE = flags.DEFINE_string("image", None, "The disk image.", required=True)
_TAR = flags.DEFINE_string("rootfs_tar", None, "Tar archive of the root file system on it.", required=True)
_SPEC = flags.DEFINE_string("rootfs_spec", None, "JSON description of the archive.", required=True)
_REPORT = flags.DEFINE_string("packages_report", None, "Report of mkrootfs on the root file system.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Output: the document.", required=True)


def main() -> None:
    """Check and write."""
    # Checks that the JSON file describes the archive, and that its contents are complete.
    described, contents = packed.load(_SPEC.value, _TAR.value)
    report = ownership.load_report(_REPORT.value)
    if report.architecture != described.architecture:
        raise ownership.OwnershipError(
            f"is of architecture {report.architecture}, but the root file system of {described.architecture}",
            where=_REPORT.value,
            fix="build both again",
        )
    entries = [
        dataclasses.replace(content, origin=item.entry.origin)
        for item, content in zip(described.items, contents, strict=True)
    ]
    owners = ownership.assign(entries, report)
    name = pathlib.Path(_IMAGE.value).name
    cli.write_text(_OUTPUT.value, sbom.render(name, _IMAGE.value, entries, owners, report))


if __name__ == "__main__":
    cli.run(main)
