"""Build a kernel: configure it, check the configuration, and compile it."""

from __future__ import annotations

import datetime
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence

from tools.cli import errors
from tools.linux_kernel import configuration
from tools.linux_kernel.root import Root

_CPUS_MAX = 8
"""Number of processors that the rule reserves."""

_ARCH = {"aarch64": "arm64", "x86_64": "x86"}
_IMAGE = {"aarch64": "arch/arm64/boot/Image", "x86_64": "arch/x86/boot/bzImage"}
_SOURCE, _OUTPUT = "src", "out"
_FRAGMENT = "fragment.config"
_STRIPPED = "vmlinux.stripped"


class KernelError(errors.InputError):
    """Report a configuration whose kernel does not fit guests."""


def build(
    root: Root, source: str, architecture: str, fragments: Sequence[str], patches: Sequence[str]
) -> Mapping[str, pathlib.Path]:
    """Build a kernel in a root.

    Args:
        root: root directory with the programs of the build.
        source: the kernel's source, as tar.zst.
        architecture: `aarch64` or `x86_64`.
        fragments: paths of configuration fragments.
        patches: paths of patches, with one directory before each name.

    Returns:
        Files in the root: `image` (bzImage or Image), `vmlinux` (for x86_64 the ELF file without symbols, for aarch64
        the Image), `config`, `system_map`, `release`, `builtin` (modules.builtin) and `builtin_modinfo`.

    Raises:
        ConfigurationError: a line of a fragment does not hold.
        BuildError: a command of the build failed.
        KernelError: the kernel would need modules.
    """
    settings = configuration.read_fragments(fragments)
    tree = root.unpack(source, _SOURCE)
    out = root.path / _OUTPUT
    out.mkdir()
    variables = _variables(tree)
    for patch in patches:
        shutil.copyfile(patch, root.path / "tmp/patch")
        root.run(["/bin/sh", "-c", "busybox patch -p1 < /tmp/patch"], f"/{_SOURCE}", variables)
    (root.path / _FRAGMENT).write_text("".join(f"{setting}\n" for setting in settings.values()), "utf-8")
    make = ["/usr/bin/make", f"ARCH={_ARCH[architecture]}", "LLVM=1", "HOSTLDFLAGS=-fuse-ld=lld", f"O=/{_OUTPUT}"]
    # allnoconfig turns off every option that no fragment names.
    root.run([*make, f"KCONFIG_ALLCONFIG=/{_FRAGMENT}", "allnoconfig"], f"/{_SOURCE}", variables)
    final = configuration.parse((out / ".config").read_text("utf-8"))
    configuration.check(list(settings.values()), final, tree, _ARCH[architecture])
    if "MODULES" in final:
        raise KernelError("CONFIG_MODULES=y builds modules, and no rule packs them", fix="build all drivers in")
    # The number of jobs does not change the output.
    jobs = min(_CPUS_MAX, len(os.sched_getaffinity(0)))
    target = pathlib.PurePosixPath(_IMAGE[architecture]).name
    root.run([*make, f"-j{jobs}", target, "vmlinux"], f"/{_SOURCE}", variables)
    root.run(["/usr/lib/llvm-19/bin/llvm-strip", "-s", "-o", _STRIPPED, "vmlinux"], f"/{_OUTPUT}", variables)
    return {
        "builtin": out / "modules.builtin",
        "builtin_modinfo": out / "modules.builtin.modinfo",
        "config": out / ".config",
        "image": out / _IMAGE[architecture],
        "release": out / "include/config/kernel.release",
        "system_map": out / "System.map",
        "vmlinux": out / (_STRIPPED if architecture == "x86_64" else _IMAGE[architecture]),
    }


def _variables(tree: pathlib.Path) -> dict[str, str]:
    """Return environment variables in place of the facts that the kernel's build would read from the build host."""
    # All files of the source have the time of the package.
    time = datetime.datetime.fromtimestamp((tree / "Makefile").stat().st_mtime, datetime.UTC)
    return {
        "KBUILD_BUILD_HOST": "sandbox",
        "KBUILD_BUILD_TIMESTAMP": f"{time:%Y-%m-%d %H:%M:%S}",
        "KBUILD_BUILD_USER": "root",
        "KBUILD_BUILD_VERSION": "1",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
