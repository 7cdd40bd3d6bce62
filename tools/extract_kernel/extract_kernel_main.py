"""Take kernel image, configuration and modules out of a kernel's packages."""

from __future__ import annotations

import os
import sys
import tempfile

from absl import flags

from tools.cli import cli, errors
from tools.elfcheck import architecture_flag
from tools.extract_kernel import extract
from tools.fsspec import packed

_PACKAGES = flags.DEFINE_multi_string("package", None, "Package; all together contain one kernel.", required=True)
_ARCHITECTURE = architecture_flag.define("Architecture that the kernel must have.")
_VMLINUZ = flags.DEFINE_string("vmlinuz", None, "Output: the bootable image.", required=True)
_RELEASE = flags.DEFINE_string("release", None, "Output: the release, as printed by `uname -r`.", required=True)
_CONFIG = flags.DEFINE_string("config", None, "Output: the configuration.", required=True)
_BUILTIN = flags.DEFINE_string("builtin", None, "Output: modules.builtin.", required=True)
_ORDER = flags.DEFINE_string("order", None, "Output: modules.order.", required=True)
_MODULES = flags.DEFINE_string("modules", None, "Output: the tar archive of lib/modules/RELEASE.", required=True)


def main() -> None:
    """Extract, then write every output."""
    # Beside the output: the directory for temporary files may be small.
    with tempfile.TemporaryDirectory(dir=os.path.dirname(_MODULES.value) or ".") as work:
        kernel = extract.extract(_PACKAGES.value, _ARCHITECTURE.value, f"{work}/data.tar")
        with cli.output_file(_MODULES.value) as stream:
            packed.write_tar(kernel.modules.finish(), stream, mtime=0)
        with cli.output_file(_VMLINUZ.value) as stream:
            stream.write(kernel.vmlinuz)
        cli.write_text(_RELEASE.value, kernel.release + "\n")
        with cli.output_file(_CONFIG.value) as stream:
            stream.write(kernel.config)
        cli.write_text(_BUILTIN.value, kernel.builtin)
        cli.write_text(_ORDER.value, kernel.order)
    for note in kernel.notes:
        print(f"extract_kernel: {errors.one_line(note)}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
