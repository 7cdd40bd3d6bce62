"""Row 3: the python disk, from downloaded packages."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
from collections.abc import Iterable

from tests.bench.builds import root, workspace
from tests.bench.rows import OWN, Comparison, Context, Row
from tools.cli import errors
from tools.packages import deb

_DISK = "//images:qcow2_python_x86_64"
_PACKAGES = "//tests/bench/builds:python_packages"
_SIZE = "2048M"
_RELEASE = "trixie"

_PEERS = {
    "mmdebstrap": "the same request by mmdebstrap, with the dependencies of the packages' own scripts, such as perl "
    "and dpkg, and these scripts run; then the same wheels, mke2fs -d and qemu-img convert -c",
    "unpacked": "the very same packages and wheels, unpacked without their scripts (--variant=extract)",
}

_DEPENDS = re.compile(r"^(?:Pre-)?Depends:.*\n(?:[ \t].*\n)*", re.MULTILINE)

# Directory of the wheels' files in the disk.
_LIBRARY = "usr/local/lib/python3.13/dist-packages"

_SCRIPT = """\
rm -rf tree disk.img disk.qcow2
mmdebstrap --quiet --mode=root --variant={variant} --skip=check/empty --format=directory \
    --aptopt='APT::Sandbox::User "root"' --include="$PACKAGES" \
    {release} tree 'deb [trusted=yes] copy:///work/{archive} ./'
mkdir -p tree/{library}
shopt -s nullglob
for wheel in wheels/*.whl; do busybox unzip -q -o "$wheel" -d tree/{library}; done
mke2fs -q -t ext4 -d tree disk.img {size}
qemu-img convert -c -f raw -O qcow2 disk.img disk.qcow2
"""


def script(variant: str, directory: str) -> str:
    """Return the peer's script, which turns a directory of packages and /work/wheels into /work/disk.qcow2."""
    return _SCRIPT.format(variant=variant, archive=directory, library=_LIBRARY, release=_RELEASE, size=_SIZE)


def archive(directory: pathlib.Path, packages: Iterable[pathlib.Path], *, whole: bool) -> str:
    """Create an archive that apt reads.

    Args:
        directory: directory of the archive.
        packages: files of its packages.
        whole: whether it has all dependencies of its packages. Otherwise its index has no dependencies.

    Returns:
        The names of the packages, separated by commas.
    """
    directory.mkdir(parents=True)
    stanzas: list[str] = []
    names: list[str] = []
    for path in packages:
        package = deb.read(str(path))
        shutil.copyfile(path, directory / path.name)
        data = path.read_bytes()
        names.append(package.name)
        control = package.control if whole else _DEPENDS.sub("", package.control)
        stanzas.append(
            f"{control}Filename: ./{path.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        )
    index = "\n".join(stanzas).encode("utf-8", "surrogateescape")
    (directory / "Packages").write_bytes(index)
    # mmdebstrap requests the essential packages of the release from apt.
    digest = hashlib.sha256(index).hexdigest()
    (directory / "Release").write_text(
        f"Suite: {_RELEASE}\nCodename: {_RELEASE}\nSHA256:\n {digest} {len(index)} Packages\n", "utf-8"
    )
    return ",".join(names)


def _check_user() -> None:
    """Check that dpkg may give files to several users."""
    _, _, count = pathlib.Path("/proc/self/uid_map").read_text("utf-8").split()[:3]
    if os.geteuid() or int(count) < 65536:
        raise errors.InputError("mmdebstrap changes owners of files", where="row 3", fix="run it as root")


def _measure(context: Context) -> Iterable[Comparison]:
    _check_user()
    copy = workspace.shared()
    context.log("building the disk, and the tools for it")
    copy.build([_DISK, _PACKAGES])
    builders = root.Root(context.directory / "root", context.parts["builders"], context.parts["bwrap"])
    work = context.directory / "work"
    requested = archive(work / "requested", copy.external("*bench_python_x86_64/**/*.deb"), whole=True)
    same = archive(work / "same", copy.external("*rootfs_python_x86_64/**/*.deb"), whole=False)
    (work / "wheels").mkdir()
    for wheel in copy.external("*guest_wheels_*/*.whl"):
        if "aarch64" in wheel.name:
            continue
        shutil.copyfile(wheel, work / "wheels" / wheel.name)
    sizes: dict[str, int] = {}

    def own() -> float:
        copy.change("images/base/BUILD.bazel", '"etc/hostname": "sandbox\\n"', '"etc/hostname": "sandbox{}\\n"')
        seconds = copy.build([_DISK])
        sizes[OWN] = copy.file("images/python-base-x86_64.qcow2").stat().st_size
        return seconds

    def peer(case: str, variant: str, directory: str, packages: str) -> float:
        seconds = builders.run(script(variant, directory), work, {"PACKAGES": packages})
        sizes[case] = os.stat(work / "disk.qcow2").st_size
        return seconds

    samples = context.alternate(
        {
            OWN: own,
            "mmdebstrap": lambda: peer("mmdebstrap", "essential", "requested", requested),
            "unpacked": lambda: peer("unpacked", "extract", "same", same),
        }
    )
    yield Comparison("clock", "s", samples, {"mmdebstrap": 0.4})
    yield Comparison("size", "MB", {case: [size / 1e6] for case, size in sizes.items()}, {"mmdebstrap": 0.55})


ROW = Row(
    number=3,
    name="disk",
    title="the python disk, from downloaded packages",
    peers=_PEERS,
    parts=("module", "builders", "bwrap"),
    measure=_measure,
)
