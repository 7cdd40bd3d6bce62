"""Row 11: how builds grow with variants, and with packages in one image."""

from __future__ import annotations

import functools
import itertools
import pathlib
import random
import subprocess
import time
from collections.abc import Callable, Iterable

from tests.bench.builds import workspace
from tests.bench.rows import FEW, Context, Curve, Row
from tools.cli import errors
from tools.packages import deb_testing

_VARIANTS = (1, 2, 4, 8, 16)
_PACKAGES = (10, 30, 100, 300, 1000)

# Number of files of a package, and their length: 500 packages have 80 MB.
_FILES, _LENGTH = 20, 8192

_BUILD = """\
load("@debian//:defs.bzl", "debian_label")
load("//images:defs.bzl", "sandbox_image")
load("//images/base:exclude.bzl", "VARIANTS")
load("//tools/fsspec:defs.bzl", "filesystem_spec")

[
    filesystem_spec(name = "own{{}}".format(number), texts = {{"etc/variant": "{number} {{}}\\n".format(number)}})
    for number in range({count})
]

[
    sandbox_image(
        name = "variant{{}}_x86_64".format(number),
        architecture = "x86_64",
        exclude = VARIANTS["raw"],
        packages = [debian_label("rootfs_raw_x86_64")],
        specs = ["//images/base:raw", "own{{}}".format(number)],
        variant = "variant{{}}".format(number),
    )
    for number in range({count})
]
"""


def _variants(copy: workspace.Workspace, number: int, count: int) -> float:
    """Build disks of new variants, each from its packages."""
    path = copy.bazel.workspace / "growth/BUILD.bazel"
    path.parent.mkdir(exist_ok=True)
    path.write_text(_BUILD.format(number=number, count=count), "utf-8")
    try:
        return copy.build([f"//growth:qcow2_variant{variant}_x86_64" for variant in range(count)])
    finally:
        path.unlink()


def _packages(directory: pathlib.Path) -> list[str]:
    """Create packages with some files each. Their contents compress like text."""
    words = [bytes(random.Random(number).randbytes(6)).hex() for number in range(4096)]
    paths: list[str] = []
    for number in range(max(_PACKAGES)):
        chosen = random.Random(number)
        members = [
            deb_testing.directory("./usr"),
            deb_testing.directory("./usr/share"),
            deb_testing.directory(f"./usr/share/p{number}"),
        ]
        for name in range(_FILES):
            text = " ".join(chosen.choices(words, k=_LENGTH // 13))
            members.append(deb_testing.member(f"./usr/share/p{number}/{name}", text))
        paths.append(deb_testing.deb(directory / f"p{number}.deb", members, name=f"p{number}"))
    return paths


def _image(context: Context, packages: list[str]) -> float:
    """Assemble a disk of packages, by the programs that the build runs."""
    parts = {name: str(path) for name, path in context.parts.items()}
    tar, spec = str(context.directory / "rootfs.tar"), str(context.directory / "rootfs.spec.json")
    flags = context.directory / "flags"
    flags.write_text("".join(f"--package={path}\n" for path in packages), "utf-8")
    start = time.monotonic()
    _run([parts["mkrootfs"], "--architecture=x86_64", f"--flagfile={flags}", f"--tar={tar}", f"--spec_output={spec}"])
    _run(
        [
            parts["mkdisk"],
            *("--architecture=x86_64", f"--rootfs_tar={tar}", f"--rootfs_spec={spec}"),
            *(f"--{name}={parts[name]}" for name in ("mke2fs", "e2fsck", "qemu_img")),
            f"--output={context.directory / 'disk.qcow2'}",
        ]
    )
    return time.monotonic() - start


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.InputError(f"ended with {done.returncode}: {done.stderr[-300:].strip()}", where=command[0])


def _measure(context: Context) -> Iterable[Curve]:
    packages = _packages(context.directory)
    sizes: dict[str, Callable[[], float]] = {
        str(count): functools.partial(_image, context, packages[:count]) for count in _PACKAGES
    }
    yield _curve("packages", "packages", context.alternate(sizes, FEW))
    copy = workspace.shared()
    number = itertools.count(1)
    context.log("building an image, and the tools for it")
    _variants(copy, next(number), 1)

    def variants(count: int) -> float:
        return _variants(copy, next(number), count)

    disks = {str(count): functools.partial(variants, count) for count in _VARIANTS}
    yield _curve("variants", "variants", context.alternate(disks, FEW))


def _curve(name: str, axis: str, samples: dict[str, list[float]]) -> Curve:
    return Curve(name, axis, "s", {float(count): seconds for count, seconds in samples.items()}, wanted=1.0)


ROW = Row(
    number=11,
    name="growth",
    title="disks of more packages, and more disks",
    peers={},
    parts=("module", "mkrootfs", "mkdisk", "mke2fs", "e2fsck", "qemu_img"),
    measure=_measure,
)
