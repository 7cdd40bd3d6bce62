"""Takes the kernel out of a Debian kernel package."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from tools.cli import errors
from tools.elfcheck.architectures import ARCHITECTURES
from tools.extract_kernel import depmod, image, modinfo
from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.packages import deb

_IMAGE = re.compile(r"boot/vmlinuz-(?P<release>[A-Za-z0-9.+~_-]+)", re.ASCII)
_KEPT = ("modules.builtin", "modules.builtin.modinfo", "modules.order")
_MODULES = re.compile(r"(?:usr/)?lib/modules/(?P<release>[^/]+)/(?P<rest>.+)", re.ASCII)


class KernelError(errors.InputError):
    """Packages without the one kernel that is wanted."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel and its modules.

    Attributes:
        release: what `uname -r` says.
        vmlinuz: the bootable image.
        config: text of its configuration.
        builtin: text of modules.builtin.
        order: text of modules.order.
        modules: tree of lib/modules/RELEASE with the modules as they are shipped and depmod's files.
    """

    release: str
    vmlinuz: bytes
    config: str
    builtin: str
    order: str
    modules: Tree


def extract(packages: Sequence[str], architecture: str, tar_path: str) -> Kernel:
    """Finds the kernel in the packages, checks it and solves its modules' dependencies.

    Args:
        packages: paths of `.deb` files. One of them has a kernel; others (metapackages, tools) may
            stand beside it.
        architecture: `aarch64` or `x86_64`.
        tar_path: where to unpack to; must stay as long as the result is used.

    Raises:
        KernelError: there is no kernel, or more than one, or one of another architecture.
        InputError: a package, the image or a module is damaged.
    """
    debian = ARCHITECTURES[architecture].debian
    entries: list[Entry] = []
    found: list[tuple[str, str]] = []
    for path in packages:
        package = deb.read(path)
        # Metapackages differ from what they stand for by name only: look inside. The others' contents
        # are forgotten.
        if not package.name.startswith("linux-image-"):
            continue
        if package.architecture != debian:
            raise KernelError(f"is of architecture {package.architecture}, not {debian} ({architecture})", where=path)
        inside = deb.unpack(package, tar_path if not found else tar_path + ".other")
        releases = [match["release"] for entry in inside if (match := _IMAGE.fullmatch(entry.path))]
        found += [(release, path) for release in releases]
        if releases:
            entries = inside
    if len(found) != 1:
        names = ", ".join(f"{release} in {path}" for release, path in found) or "none"
        raise KernelError(
            f"has {len(found)} kernels, not one: {names}",
            where=", ".join(packages),
            fix="give the package linux-image-RELEASE",
        )
    release, path = found[0]
    return _Extraction({entry.path: entry for entry in entries}, architecture, release, path).run()


class _Extraction:
    def __init__(self, entries: dict[str, Entry], architecture: str, release: str, where: str) -> None:
        self._entries = entries
        self._architecture = architecture
        self._release = release
        self._where = where
        # Paths below lib/modules/RELEASE; Debian ships that folder below usr.
        self._inside = {
            match["rest"]: entry
            for entry in entries.values()
            if (match := _MODULES.fullmatch(entry.path)) and match["release"] == release
        }

    def run(self) -> Kernel:
        vmlinuz = self._read(self._entries, f"boot/vmlinuz-{self._release}")
        image.check(vmlinuz, self._architecture, self._release, f"{self._where}: vmlinuz")
        builtin = self._text(self._inside, "modules.builtin")
        order = self._text(self._inside, "modules.order")
        return Kernel(
            release=self._release,
            vmlinuz=vmlinuz,
            config=self._text(self._entries, f"boot/config-{self._release}"),
            builtin=builtin,
            order=order,
            modules=self._modules(builtin, order),
        )

    def _modules(self, builtin: str, order: str) -> Tree:
        tree = Tree()
        folder = f"lib/modules/{self._release}/"
        infos: dict[str, modinfo.ModInfo] = {}
        for path, entry in self._inside.items():
            if entry.kind is not Kind.FILE or entry.content is None:
                continue
            if path in _KEPT:
                tree.add(dataclasses.replace(entry, path=folder + path))
            elif modinfo.is_module(path):
                data = modinfo.decompress(content.read(entry.content), f"{self._where}: {path}")
                infos[path] = modinfo.read(data, self._architecture, self._release, f"{self._where}: {path}")
                tree.add(dataclasses.replace(entry, path=folder + path))
        for name, text in depmod.index(infos, builtin, order, self._where).items():
            tree.add(Entry(path=folder + name, kind=Kind.FILE, mode=0o644, content=Inline(text.encode())))
        return tree

    def _read(self, entries: dict[str, Entry], path: str) -> bytes:
        entry = entries.get(path)
        if entry is None or entry.content is None:
            raise KernelError(f"has no file {path}", where=self._where)
        return content.read(entry.content)

    def _text(self, entries: dict[str, Entry], path: str) -> str:
        try:
            return self._read(entries, path).decode()
        except UnicodeDecodeError:
            raise KernelError(f"its file {path} is not UTF-8", where=self._where) from None
