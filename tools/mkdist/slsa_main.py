"""Write the SLSA provenance of one image, after a check that the locks account for its content."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag
from tools.mkdist import ownership, slsa

_SUBJECT = flags.DEFINE_string("subject", None, "The image.", required=True)
_TARGET = flags.DEFINE_string("target", None, "Label of the image.", required=True)
_ARCHITECTURE = architecture_flag.define("Architecture of the image.")
_MODE = flags.DEFINE_string("compilation_mode", None, "Bazel's compilation mode.", required=True)
_BAZEL = flags.DEFINE_string("bazel_version", None, "File with the version of Bazel.", required=True)
_LOCKS = flags.DEFINE_multi_string("packages", [], "Lock file of packages in the image.")
_REQUIREMENTS = flags.DEFINE_multi_string("requirements", [], "Requirements with the hashes of wheels in the image.")
_MODULE = flags.DEFINE_string("module", None, "MODULE.bazel, which pins npm's packages.", required=True)
_REPORT = flags.DEFINE_string("packages_report", None, "Report of mkrootfs on the image, if it is a disk.")
_PARTS = flags.DEFINE_multi_string("part", [], "The project's own program in the image.")
_PINS = flags.DEFINE_multi_string("pin", [], "File that pins sources or tools: PATH IN THE WORKSPACE=FILE.")
_OUTPUT = flags.DEFINE_string("output", None, "Output: the statement.", required=True)


def main() -> None:
    """Check and write."""
    packages = slsa.locked_packages(_LOCKS.value, _ARCHITECTURE.value)
    if _REPORT.value:
        report = ownership.load_report(_REPORT.value)
        packages += slsa.other_packages(_REQUIREMENTS.value, _MODULE.value, report)
        slsa.check(packages, report)
    build = slsa.Build(
        target=_TARGET.value,
        architecture=_ARCHITECTURE.value,
        mode=_MODE.value,
        bazel=pathlib.Path(_BAZEL.value).read_text("utf-8").strip(),
    )
    pins = dict(cli.key_value("pin", value) for value in _PINS.value)
    cli.write_text(_OUTPUT.value, slsa.render(_SUBJECT.value, build, packages, _PARTS.value, pins))


if __name__ == "__main__":
    cli.run(main)
