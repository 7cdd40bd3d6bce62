"""Takes the kernel out of a kernel package: Debian's, or Alpine's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence

from tools.cli import errors
from tools.elfcheck.architectures import ARCHITECTURES
from tools.extract_kernel import depmod, image, modinfo, payload
from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.packages import apk, deb

_IMAGE = re.compile(r"boot/vmlinuz-(?P<name>[A-Za-z0-9.+~_-]+)", re.ASCII)
_KEPT = ("modules.builtin", "modules.builtin.modinfo", "modules.order")
# Both may be below usr: where /lib is a symlink, packages have what it points to.
_MODULES = re.compile(r"(?:usr/)?lib/modules/(?P<release>[^/]+)/(?P<rest>.+)", re.ASCII)
# Lines of modules.dep are split at spaces and at the first colon.
_MODULE = re.compile(r"[^\s:]+", re.ASCII)
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*", re.ASCII)


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
        packages: paths of `.deb` or `.apk` files. One of them has a kernel; others (metapackages, tools)
            may stand beside it.
        architecture: `aarch64` or `x86_64`.
        tar_path: where to unpack to; must stay as long as the result is used.

    Raises:
        KernelError: there is no kernel, or more than one, or one of another architecture.
        InputError: a package, the image or a module is damaged.
    """
    contents: dict[str, Entry] = {}
    found: list[tuple[str, str]] = []
    for path in packages:
        package = _open(path, architecture)
        # Metapackages differ from what they stand for by name only: look inside. The others' contents
        # are forgotten.
        if package is None:
            continue
        inside = {entry.path: entry for entry in package(tar_path if not found else tar_path + ".other")}
        names = [match["name"] for name in inside if (match := _IMAGE.fullmatch(name))]
        found += [(name, path) for name in names]
        if names:
            contents = inside
    if len(found) != 1:
        names = ", ".join(f"{name} in {path}" for name, path in found) or "none"
        raise KernelError(
            f"has {len(found)} kernels, not one: {names}",
            where=", ".join(packages),
            fix="give the one package that has vmlinuz and modules, such as linux-image-RELEASE or linux-virt",
        )
    name, path = found[0]
    return _Extraction(contents, architecture, name, path).run()


def _open(path: str, architecture: str) -> Callable[[str], list[Entry]] | None:
    """Returns what unpacks a package to a tar file, or None if by its name it has no kernel."""
    with open(path, "rb") as stream:
        is_apk = stream.read(len(apk.MAGIC)) == apk.MAGIC
    if is_apk:
        alpine = apk.read(path)
        # Alpine's names of these architectures are the kernel's own.
        if not alpine.name.startswith("linux-"):
            return None
        _check_architecture(path, alpine.architecture, architecture, architecture)
        return lambda tar_path: apk.unpack(alpine, tar_path)
    debian = deb.read(path)
    if not debian.name.startswith("linux-image-"):
        return None
    _check_architecture(path, debian.architecture, ARCHITECTURES[architecture].debian, architecture)
    return lambda tar_path: deb.unpack(debian, tar_path)


def _check_architecture(path: str, found: str, wanted: str, architecture: str) -> None:
    if found != wanted:
        shown = wanted if wanted == architecture else f"{wanted} ({architecture})"
        raise KernelError(f"is of architecture {found}, not {shown}", where=path)


class _Extraction:
    def __init__(self, entries: dict[str, Entry], architecture: str, name: str, where: str) -> None:
        self._entries = entries
        self._architecture = architecture
        self._name = name
        self._where = where
        matches = [(entry, match) for path, entry in entries.items() if (match := _MODULES.fullmatch(path))]
        self._release = self._find_release({match["release"] for _, match in matches})
        # Paths below lib/modules/RELEASE.
        self._inside = {match["rest"]: entry for entry, match in matches if match["release"] == self._release}

    def _find_release(self, folders: set[str]) -> str:
        """Debian names the image by the release; Alpine by the flavour, and has the release in a file."""
        note = f"usr/share/kernel/{self._name}/kernel.release"
        if note in self._entries:
            release = self._text(self._entries, note).strip()
        elif self._name not in folders and len(folders) == 1:
            (release,) = folders
        else:
            release = self._name
        if not _RELEASE.fullmatch(release):
            raise KernelError(f"is of a release {release!r}, which is none", where=self._where)
        return release

    def run(self) -> Kernel:
        vmlinuz = self._read(self._entries, f"boot/vmlinuz-{self._name}")
        where = f"{self._where}: vmlinuz"
        image.check(payload.unwrap(vmlinuz, where), self._architecture, self._release, where)
        builtin = self._text(self._inside, "modules.builtin")
        order = self._text(self._inside, "modules.order")
        config = f"boot/config-{self._release}"
        if config not in self._entries:
            config = f"boot/config-{self._name}"
        return Kernel(
            release=self._release,
            vmlinuz=vmlinuz,
            config=self._text(self._entries, config),
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
                if not _MODULE.fullmatch(path):
                    raise KernelError(f"has a module {path!r}, a name that modules.dep cannot hold", where=self._where)
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
