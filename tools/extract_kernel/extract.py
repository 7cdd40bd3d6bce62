"""Take the kernel out of a distribution's packages: Debian's, Ubuntu's, Alpine's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from tools.cli import errors
from tools.extract_kernel import depmod, kernel_files, modinfo, payload, unified
from tools.extract_kernel.kernel_files import File, Image, KernelError
from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree

_KEPT = ("modules.builtin", "modules.builtin.modinfo", "modules.order")
# Readers split the lines of modules.dep at spaces and at the first colon.
_MODULE = re.compile(r"[^\s:]+", re.ASCII)
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*", re.ASCII)
_NO_CONFIG = b"# The packages have no configuration of this kernel.\n"
_WHOLE = (
    "pass every package of the kernel: those with vmlinuz, modules.builtin and the modules, such as "
    "linux-image-RELEASE or linux-virt; or linux-binary-RELEASE, linux-base-RELEASE and linux-modules-RELEASE"
)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel and its modules.

    Attributes:
        release: its `uname -r`.
        vmlinuz: the bootable image.
        config: its configuration.
        builtin: text of modules.builtin.
        order: text of modules.order; may be empty.
        modules: tree of lib/modules/RELEASE with the unchanged modules and depmod's files.
        notes: missing parts, and excluded ones, a sentence each.
    """

    release: str
    vmlinuz: bytes
    config: bytes
    builtin: str
    order: str
    modules: Tree
    notes: Sequence[str]


def extract(packages: Sequence[str], architecture: str, tar_path: str) -> Kernel:
    """Find the kernel in the packages, check it and solve its modules' dependencies.

    Args:
        packages: paths of `.deb` or `.apk` files, which together contain one kernel. Others (metapackages, tools) may
            be among them.
        architecture: `aarch64` or `x86_64`.
        tar_path: prefix of the paths to unpack to; keep the files as long as the result is used.

    Raises:
        KernelError: there is no kernel, or more than one, or one of another architecture.
        InputError: a package, the image or a module is damaged.
    """
    files = kernel_files.collect(packages, architecture, tar_path)
    return _Extraction(files, architecture, ", ".join(packages)).run()


class _Extraction:
    def __init__(self, files: Sequence[File], architecture: str, where: str) -> None:
        self._files = files
        self._architecture = architecture
        self._where = where
        self._notes: list[str] = []
        self._image, self._release = self._find_image()
        if not _RELEASE.fullmatch(self._release):
            raise KernelError(
                f"has an invalid release {self._release!r}",
                where=self._image.file.where,
                fix="also pass the package with its modules, and no modules of another kernel",
            )
        self._inside = self._modules_directory()

    def _find_image(self) -> tuple[Image, str]:
        releases = {file.release for file in self._files if file.release}
        images = [(image, self._release_of(image, releases)) for image in kernel_files.images(self._files)]
        # Of several forms of one kernel, take the preferred one.
        best: dict[str, int] = {}
        for image, release in images:
            best[release] = min(image.preference, best.get(release, image.preference))
        images = [(image, release) for image, release in images if image.preference == best[release]]
        named = {(release, image.file.package) for image, release in images if image.name}
        found: dict[tuple[str, str, str], Image] = {}
        for image, release in images:
            # A copy without a release in its name is in the directory of the modules, or is Alpine's boot/vmlinuz.
            if image.name or (release, image.file.package) not in named:
                found.setdefault((release, image.file.package, image.name), image)
        if len(found) != 1:
            names = ", ".join(f"{image.file.path} in {package}" for (_, package, _), image in found.items()) or "none"
            fix = "remove all but one" if found else _WHOLE
            raise KernelError(f"has {len(found)} kernels, not one: {names}", where=self._where, fix=fix)
        (((release, _, _), image),) = found.items()
        return image, release

    def _release_of(self, image: Image, releases: set[str]) -> str:
        """Return the release: from the name of Debian's image, or from a file of Alpine's package."""
        if image.file.release:
            return image.file.release
        note = f"usr/share/kernel/{image.name}/kernel.release"
        for file in self._files:
            if image.name and file.path == note and file.package == image.file.package:
                return self._text(file).strip()
        (release, *others) = sorted(releases) or [image.name]
        return image.name if image.name in releases or others else release

    def _modules_directory(self) -> dict[str, File]:
        """Return the files of lib/modules/RELEASE by their paths below it."""
        found: dict[str, File] = {}
        for file in self._files:
            if file.release != self._release:
                continue
            other = found.setdefault(file.inside, file)
            if other.package != file.package:
                raise KernelError(f"is in {other.package}, too", where=file.where, fix="remove one of the two")
        return found

    def run(self) -> Kernel:
        where = self._image.file.where
        shipped = self._read(self._image.file)
        self._notes += [f"{where}: {part} of the unified kernel image is excluded" for part in unified.beside(shipped)]
        unwrapped = payload.unwrap(shipped, where)
        payload.check(unwrapped, self._architecture, self._release, where)
        builtin = self._text(self._required("modules.builtin"))
        order = self._text(self._inside["modules.order"]) if "modules.order" in self._inside else ""
        return Kernel(
            release=self._release,
            vmlinuz=payload.bootable(shipped, unwrapped, self._architecture),
            config=self._config(unwrapped),
            builtin=builtin,
            order=order,
            modules=self._modules(builtin, order),
            notes=self._notes,
        )

    def _config(self, image: bytes) -> bytes:
        directory = f"lib/modules/{self._release}"
        names = ("config", ".config", "build/.config", "source/.config")
        places = [
            *(f"boot/config-{name}" for name in (self._release, self._image.name) if name),
            *(f"{directory}/{name}" for name in names),
            f"lib/kernel/config-{self._release}",
            f"usr/src/linux-headers-{self._release}/.config",
            "boot/config",
        ]
        by_path = {file.path: file for file in reversed(self._files)}
        for place in places:
            if place in by_path:
                return self._read(by_path[place])
        embedded = payload.embedded_config(image, self._image.file.where)
        if embedded is None:
            self._notes.append(f"{self._where}: no configuration of kernel {self._release}, such as {places[0]}")
        return embedded or _NO_CONFIG

    def _modules(self, builtin: str, order: str) -> Tree:
        tree = Tree()
        directory = f"lib/modules/{self._release}/"
        infos: dict[str, modinfo.ModInfo] = {}
        for path, file in self._inside.items():
            if path in _KEPT:
                tree.add(file.entry)
            elif modinfo.is_module(path):
                if not _MODULE.fullmatch(path):
                    raise KernelError(
                        f"has a module {path!r}, a name that modules.dep cannot represent", where=file.package
                    )
                data = modinfo.decompress(self._read(file), file.where)
                infos[path] = modinfo.read(data, self._architecture, self._release, file.where)
                tree.add(file.entry)
        if order.split() and not infos:
            raise KernelError(
                f"has none of the {len(order.split())} modules that modules.order names", where=self._where, fix=_WHOLE
            )
        for name, text in depmod.index(infos, builtin, order, self._where).items():
            tree.add(Entry(path=directory + name, kind=Kind.FILE, mode=0o644, content=Inline(text.encode())))
        return tree

    def _required(self, path: str) -> File:
        if path not in self._inside:
            raise KernelError(f"has no file {path} of kernel {self._release}", where=self._where, fix=_WHOLE)
        return self._inside[path]

    def _read(self, file: File) -> bytes:
        size = file.entry.content.size if file.entry.content else 0
        if size > payload.UNPACKED_MAX:
            raise KernelError(f"has more than {payload.UNPACKED_MAX} bytes", where=file.where)
        return content.read(file.entry.content) if file.entry.content else b""

    def _text(self, file: File) -> str:
        try:
            return self._read(file).decode()
        except UnicodeDecodeError:
            raise errors.InputError("is not UTF-8", where=file.where) from None
