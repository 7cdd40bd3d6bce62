"""Build a kernel for guests from Debian's source, in a private root.

The program has few dependencies: a change of any of them rebuilds every kernel.
"""

from __future__ import annotations

import pathlib
import shutil
import tempfile

from absl import flags

from tools.cli import cli
from tools.linux_kernel import build
from tools.linux_kernel.root import Root

_ARCHITECTURE = flags.DEFINE_enum(
    "architecture", None, ["aarch64", "x86_64"], "Architecture of the kernel.", required=True
)
_SOURCE = flags.DEFINE_string("source", None, "Source of the kernel, from linux_source.", required=True)
_FRAGMENTS = flags.DEFINE_multi_string("config_fragment", None, "File with lines of the configuration.", required=True)
_PATCHES = flags.DEFINE_multi_string("patch", [], "Patch to apply to the source.")
_BWRAP = flags.DEFINE_string("bwrap", None, "The program bubblewrap.", required=True)
_BUSYBOX = flags.DEFINE_string("busybox", None, "A static busybox.", required=True)
_FILES = flags.DEFINE_multi_string("root_file", [], "PATH=FILE: file to copy into the root of the build.")
_OUTPUTS = {
    name: flags.DEFINE_string(name, None, f"Output: {what}.", required=True)
    for name, what in {
        "builtin": "modules.builtin",
        "builtin_modinfo": "modules.builtin.modinfo",
        "config": "the configuration",
        "image": "bzImage or Image",
        "release": "the release, as `uname -r` prints it",
        "system_map": "System.map",
        "vmlinux": "vmlinux without symbols; for aarch64 the Image",
    }.items()
}


def main() -> None:
    """Build the kernel, then write all outputs."""
    files = [cli.key_value("root_file", value) for value in _FILES.value]
    directory = pathlib.Path(_OUTPUTS["image"].value).parent
    # Beside the output: the file system of the temporary directory may be small.
    with tempfile.TemporaryDirectory(dir=directory) as work:
        root = Root(pathlib.Path(work).resolve() / "root", _BWRAP.value, _BUSYBOX.value, files)
        built = build.build(root, _SOURCE.value, _ARCHITECTURE.value, _FRAGMENTS.value, _PATCHES.value)
        for name, flag in _OUTPUTS.items():
            with cli.output_path(flag.value) as output:
                shutil.copyfile(built[name], output)


if __name__ == "__main__":
    cli.run(main)
