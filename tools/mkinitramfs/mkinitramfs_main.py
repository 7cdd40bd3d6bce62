"""Pack an initramfs: init program, kernel modules, described entries."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from absl import flags

from tools.cli import cli, errors
from tools.elfcheck import architecture_flag
from tools.mkinitramfs import initramfs, modules

_ARCHITECTURE = architecture_flag.define("Architecture that all inputs must have.")
_INIT = flags.DEFINE_string("init", None, "Program that becomes /init.", required=True)
_KERNEL_MODULES = flags.DEFINE_string(
    "kernel_modules", None, "Tar archive of lib/modules/RELEASE, from extract_kernel."
)
_MODULES = flags.DEFINE_multi_string(
    "module",
    [],
    "GROUP:NAME, a module to pack. Its group also gets its dependencies, unless the group `always` has them; "
    "`always` is loaded first, the others in their order. A module that is neither a file nor built in is an error.",
)
_SPECS = flags.DEFINE_multi_string("spec", [], "JSON file of a filesystem spec to add.")
_COMPRESSION = flags.DEFINE_enum("compression", "zstd", initramfs.COMPRESSIONS, "Compression of the archive.")
_OUTPUT = flags.DEFINE_string("output", None, "Output: the initramfs.", required=True)
_REPORT = flags.DEFINE_string("report", None, "Output: release and modules by group (JSON).")


def main() -> None:
    """Solve, pack, write."""
    wanted: list[tuple[str, str]] = []
    for value in _MODULES.value:
        group, separator, name = value.partition(":")
        if not separator or not group or not name or any(char.isspace() for char in value):
            raise cli.UsageError(f"--module={value}: must have the form --module=GROUP:NAME")
        wanted.append((group, name))
    if wanted and not _KERNEL_MODULES.value:
        raise cli.UsageError("--module needs --kernel_modules, the archive of modules")

    plan = None
    if _KERNEL_MODULES.value:
        plan = modules.solve(_KERNEL_MODULES.value, wanted, _ARCHITECTURE.value)
    tree = initramfs.make_tree(_INIT.value, _ARCHITECTURE.value, plan, _SPECS.value)
    absent = initramfs.absent_firmware(plan, tree) if plan else {}
    data = initramfs.pack(tree, _COMPRESSION.value)
    with cli.output_file(_OUTPUT.value) as stream:
        stream.write(data)
    if _REPORT.value:
        cli.write_text(_REPORT.value, _report(plan, absent))
    for file, names in absent.items():
        some = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        print(
            errors.one_line(f"mkinitramfs: {file} may load firmware that lib/firmware lacks: {some}"),
            file=sys.stderr,
        )


def _report(plan: modules.Plan | None, absent: Mapping[str, Sequence[str]]) -> str:
    value = {
        "architecture": _ARCHITECTURE.value,
        "kernel_release": plan.release if plan else None,
        "modules": [{"group": item.group, "file": item.file} for item in plan.modules] if plan else [],
        "builtin": [{"group": group, "name": name} for group, name in plan.builtin] if plan else [],
        "absent_firmware": [{"file": file, "firmware": list(names)} for file, names in absent.items()],
        "weak_dependencies": [{"file": item.file, "modules": list(item.weak)} for item in plan.modules if item.weak]
        if plan
        else [],
    }
    return json.dumps(value, indent=2) + "\n"


if __name__ == "__main__":
    cli.run(main)
