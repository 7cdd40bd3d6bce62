"""Write the uncompressed form of a bootable kernel image."""

from __future__ import annotations

import pathlib

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag
from tools.extract_kernel import payload

_ARCHITECTURE = architecture_flag.define("Architecture that the kernel must have.")
_VMLINUZ = flags.DEFINE_string("vmlinuz", None, "The bootable image.", required=True)
_RELEASE = flags.DEFINE_string("release", None, "File with the kernel's release, from extract_kernel.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Output: the uncompressed kernel.", required=True)


def main() -> None:
    """Unpack, check, write."""
    where = _VMLINUZ.value
    release = pathlib.Path(_RELEASE.value).read_text("utf-8").strip()
    data = payload.unwrap(pathlib.Path(where).read_bytes(), where)
    payload.check(data, _ARCHITECTURE.value, release, where)
    if _ARCHITECTURE.value == "x86_64":
        data = payload.vmlinux(data, release, where)
    with cli.output_file(_OUTPUT.value) as stream:
        stream.write(data)


if __name__ == "__main__":
    cli.run(main)
