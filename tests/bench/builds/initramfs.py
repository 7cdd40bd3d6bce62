"""Row 5: an initramfs with modules of Debian's kernel."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterable

from tests.bench.builds import root
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.cli import errors

_PEERS = {
    "cpio": "the same files by cpio and zstd -19; which modules they are is known",
    "initramfs-tools": "mkinitramfs of initramfs-tools with the same modules and zstd",
}

_CPIO = "rm -f cpio.zst; cd files; find . | sort | cpio --quiet -o -H newc | zstd -q -19 -o ../cpio.zst"

_MKINITRAMFS = "mkinitramfs -d configuration -o tools.zst {release}"

_CONFIGURATION = """\
MODULES=list
BUSYBOX=auto
COMPRESS=zstd
COMPRESSLEVEL=19
RUNSIZE=10%
FSTYPE=ext4
"""


def _own(context: Context, output: pathlib.Path, *flags: str) -> float:
    command = [
        str(context.parts["mkinitramfs"]),
        "--architecture=x86_64",
        f"--init={context.parts['tiny_init_x86_64']}",
        f"--kernel_modules={context.parts['debian_modules_x86_64']}",
        f"--output={output}",
        *flags,
    ]
    for group, names in json.loads(context.parts["debian_groups"].read_text("utf-8")).items():
        command += [f"--module={group}:{name}" for name in names]
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.InputError(f"ended with {done.returncode}: {done.stderr[-300:].strip()}", where="mkinitramfs")
    return time.monotonic() - start


def _prepare(context: Context, builders: root.Root, work: pathlib.Path) -> str:
    """Provide the peers with our files, the kernel and the list of modules; return the kernel's release."""
    report = work / "report.json"
    _own(context, work / "files.cpio", "--compression=none", f"--report={report}")
    # The creation of a device requires privileges, and a device has no content.
    builders.run("mkdir files; cd files; cpio --quiet -idm -f dev/console < ../files.cpio", work)
    described = json.loads(report.read_text("utf-8"))
    root.unpack(context.parts["debian_modules_x86_64"], builders.path / "usr")
    release = described["kernel_release"]
    (builders.path / "boot").mkdir(exist_ok=True)
    (builders.path / f"boot/config-{release}").write_text("CONFIG_RD_ZSTD=y\nCONFIG_BLK_DEV_INITRD=y\n", "utf-8")
    builders.run(f"depmod {release}", work)
    configuration = work / "configuration"
    shutil.copytree(builders.path / "etc/initramfs-tools", configuration)
    (configuration / "initramfs.conf").write_text(_CONFIGURATION, "utf-8")
    names = [pathlib.PurePath(item["file"]).name.partition(".")[0] for item in described["modules"]]
    (configuration / "modules").write_text("".join(f"{name}\n" for name in names), "utf-8")
    return release


def _measure(context: Context) -> Iterable[Comparison]:
    builders = root.Root(context.directory / "root", context.parts["builders"], context.parts["bwrap"])
    work = context.directory / "work"
    work.mkdir()
    release = _prepare(context, builders, work)
    samples = context.alternate(
        {
            OWN: lambda: _own(context, work / "own"),
            "cpio": lambda: builders.run(_CPIO, work),
            "initramfs-tools": lambda: builders.run(_MKINITRAMFS.format(release=release), work),
        }
    )
    yield Comparison("clock", "s", samples, {"cpio": 1, "initramfs-tools": 1})
    outputs = {OWN: "own", "cpio": "cpio.zst", "initramfs-tools": "tools.zst"}
    sizes = {case: [(work / name).stat().st_size / 1e3] for case, name in outputs.items()}
    # With the same files, an archive cannot be much smaller. The strict limit is that of initramfs-tools.
    yield Comparison("size", "kB", sizes, {"cpio": 1.05, "initramfs-tools": 0.25})


ROW = Row(
    number=5,
    name="initramfs",
    title="an initramfs with modules of Debian's kernel",
    peers=_PEERS,
    parts=("builders", "bwrap", "mkinitramfs", "tiny_init_x86_64", "debian_modules_x86_64", "debian_groups"),
    measure=_measure,
)
