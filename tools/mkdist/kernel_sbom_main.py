"""Write the SPDX bill of materials of a kernel that was built here."""

from __future__ import annotations

import json
import pathlib

from absl import flags

from tools.cli import cli
from tools.mkdist import ownership, sbom

_IMAGE = flags.DEFINE_string("image", None, "The kernel's image.", required=True)
_REPORT = flags.DEFINE_string("kernel_report", None, "Report of linux_kernel on it.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Output: the document.", required=True)


def main() -> None:
    """Write."""
    name = pathlib.Path(_IMAGE.value).name
    try:
        text = sbom.render_kernel(name, _IMAGE.value, json.loads(pathlib.Path(_REPORT.value).read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise ownership.OwnershipError(
            f"is not a report of a kernel: {error!r}", where=_REPORT.value, fix="build it again"
        ) from None
    cli.write_text(_OUTPUT.value, text)


if __name__ == "__main__":
    cli.run(main)
