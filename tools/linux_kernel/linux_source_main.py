"""Extract the part of the kernel's source that guests need from Debian's source package."""

from __future__ import annotations

import json
import pathlib
import tempfile

from absl import flags

from tools.cli import cli
from tools.fsspec import packed
from tools.linux_kernel import source
from tools.packages import deb

_PACKAGE = flags.DEFINE_string("package", None, "Debian package linux-source-VERSION.", required=True)
_EXCLUDE = flags.DEFINE_multi_string(
    "exclude", [], "Directory of the source to exclude, except its Kconfig and make files."
)
_INCLUDE = flags.DEFINE_multi_string("include", [], "Directory below an excluded one to keep.")
_OUTPUT = flags.DEFINE_string("output", None, "Output: the source, as tar.zst.", required=True)
_REPORT = flags.DEFINE_string("report", None, "Output: name, version and sha256 of the package (JSON).", required=True)


def main() -> None:
    """Read the package, and write the selected part."""
    package = deb.read(_PACKAGE.value)
    selection = source.Selection(frozenset(_EXCLUDE.value), frozenset(_INCLUDE.value))
    # Beside the output: the file system of the temporary directory may be small.
    directory = pathlib.Path(_OUTPUT.value).parent
    with cli.output_file(_OUTPUT.value) as output, tempfile.TemporaryDirectory(dir=directory) as work:
        source.prune(package, selection, pathlib.Path(work), output)
    report = {
        "package": package.name,
        "version": package.version,
        "architecture": package.architecture,
        "sha256": packed.digest_of(_PACKAGE.value).sha256,
    }
    cli.write_text(_REPORT.value, json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    cli.run(main)
