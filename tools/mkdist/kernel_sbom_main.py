"""Write the SPDX bill of materials of a kernel that was built here."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli, document
from tools.mkdist import dist, sbom

_IMAGE = flags.DEFINE_string("image", None, "The kernel's image.", required=True)
_REPORT = flags.DEFINE_string("kernel_report", None, "Report of linux_kernel on it.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Output: the document.", required=True)


def main() -> None:
    """Write."""
    name = pathlib.Path(_IMAGE.value).name
    report = document.load(_REPORT.value, dist.KERNEL_REPORT, "report of a kernel")
    cli.write_text(_OUTPUT.value, sbom.render_kernel(name, _IMAGE.value, report))


if __name__ == "__main__":
    cli.run(main)
