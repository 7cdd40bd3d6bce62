"""Write the SPDX bill of materials of one image, after checking that it is complete."""

from __future__ import annotations

import dataclasses
import pathlib

from absl import flags

from tools.cli import cli
from tools.fsspec import packed
from tools.mkdist import provenance, sbom

_IMAGE = flags.DEFINE_string("image", None, "The disk image.", required=True)
_TAR = flags.DEFINE_string("rootfs_tar", None, "Tar archive of the root file system on it.", required=True)
_SPEC = flags.DEFINE_string("rootfs_spec", None, "JSON file that describes the archive.", required=True)
_REPORT = flags.DEFINE_string("packages_report", None, "What mkrootfs reported of the root file system.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Where to write the document.", required=True)


def main() -> None:
    """Check and write."""
    # Proves that the archive has exactly what the JSON file describes, and that its contents are whole.
    described, contents = packed.load(_SPEC.value, _TAR.value)
    report = provenance.load_report(_REPORT.value)
    if report.architecture != described.architecture:
        raise provenance.ProvenanceError(
            f"is of architecture {report.architecture}, and the root file system of {described.architecture}",
            where=_REPORT.value,
            fix="build both again",
        )
    entries = [
        dataclasses.replace(content, origin=item.entry.origin)
        for item, content in zip(described.items, contents, strict=True)
    ]
    owners = provenance.assign(entries, report)
    name = pathlib.Path(_IMAGE.value).name
    cli.write_text(_OUTPUT.value, sbom.render(name, _IMAGE.value, entries, owners, report))


if __name__ == "__main__":
    cli.run(main)
