"""Check a built kernel, and write the files that other rules read of every kernel."""

from __future__ import annotations

import hashlib
import json
import pathlib

from absl import flags

from tools.cli import cli
from tools.elfcheck import architecture_flag
from tools.extract_kernel import depmod, image, payload
from tools.fsspec import packed
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree

_ARCHITECTURE = architecture_flag.define("Architecture that the kernel must have.")
_IMAGE = flags.DEFINE_string("image", None, "bzImage or Image.", required=True)
_VMLINUX = flags.DEFINE_string("vmlinux", None, "The uncompressed kernel.", required=True)
_CONFIG = flags.DEFINE_string("config", None, "Its configuration.", required=True)
_RELEASE = flags.DEFINE_string("release", None, "File with its release.", required=True)
_BUILTIN = flags.DEFINE_string("builtin", None, "Its modules.builtin.", required=True)
_MODINFO = flags.DEFINE_string("builtin_modinfo", None, "Its modules.builtin.modinfo.", required=True)
_SOURCE_REPORT = flags.DEFINE_string("source_report", None, "Report of linux_source on its source.", required=True)
_PATCHES = flags.DEFINE_multi_string("patch", [], "Patch that was applied to its source.")
_VMLINUZ = flags.DEFINE_string("vmlinuz", None, "Output: the checked image.", required=True)
_ORDER = flags.DEFINE_string("order", None, "Output: modules.order, which is empty.", required=True)
_MODULES = flags.DEFINE_string("modules", None, "Output: tar archive of lib/modules/RELEASE.", required=True)
_REPORT = flags.DEFINE_string("report", None, "Output: the inputs of the kernel (JSON).", required=True)


def main() -> None:
    """Check the kernel, then write all outputs."""
    release = pathlib.Path(_RELEASE.value).read_text("utf-8").strip()
    data = pathlib.Path(_IMAGE.value).read_bytes()
    image.check(data, _ARCHITECTURE.value, release, _IMAGE.value)
    if _ARCHITECTURE.value == "x86_64":
        payload.check_vmlinux(pathlib.Path(_VMLINUX.value).read_bytes(), release, _VMLINUX.value)
    with cli.output_file(_MODULES.value) as stream:
        packed.write_tar(_modules(release).finish(), stream, mtime=0)
    cli.write_text(_ORDER.value, "")
    cli.write_text(_REPORT.value, _report(release))
    with cli.output_file(_VMLINUZ.value) as stream:
        stream.write(data)


def _modules(release: str) -> Tree:
    """Return lib/modules/RELEASE of a kernel without modules, which lists the built-in ones."""
    builtin = pathlib.Path(_BUILTIN.value).read_bytes()
    contents = {
        "modules.builtin": builtin,
        "modules.builtin.modinfo": pathlib.Path(_MODINFO.value).read_bytes(),
        "modules.order": b"",
    }
    index = depmod.index({}, builtin.decode(), "", _BUILTIN.value)
    contents |= {name: text.encode() for name, text in index.items()}
    return Tree(
        Entry(path=f"lib/modules/{release}/{name}", kind=Kind.FILE, mode=0o644, content=Inline(data))
        for name, data in contents.items()
    )


def _report(release: str) -> str:
    value = {
        "architecture": _ARCHITECTURE.value,
        "kernel_release": release,
        "source": json.loads(pathlib.Path(_SOURCE_REPORT.value).read_text("utf-8")),
        "config_sha256": _digest(_CONFIG.value),
        "patches": [{"name": pathlib.Path(path).name, "sha256": _digest(path)} for path in _PATCHES.value],
    }
    return json.dumps(value, indent=2) + "\n"


def _digest(path: str) -> str:
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


if __name__ == "__main__":
    cli.run(main)
