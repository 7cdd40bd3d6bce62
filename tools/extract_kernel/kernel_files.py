"""Find the files of a kernel in a set of packages, for every known split and layout of distributions.

A kernel may be one package (Debian's linux-image-*, Alpine's linux-*) or several: Debian's of release 7 and later are
linux-binary-*, linux-base-* and linux-modules-*, Ubuntu's linux-image-*, linux-modules-* and linux-modules-extra-*.
Metapackages and empty packages have such names, too, so the module examines every package.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence

from tools.cli import errors
from tools.fsspec.tree import Entry, Kind
from tools.packages import apk, deb
from tools.platforms.architectures import ARCHITECTURES

_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9.+~_-]*?)"
_SUFFIX = r"\.(?:bz2|gz|lz4|lzma|lzo|xz|zst)"
_KINDS = ("vmlinuz", "bzImage", "Image", "zImage", "vmlinux", "efi")
"""Names of images, in order of preference: `vmlinux` is often only for debuggers."""

_KIND = rf"(?P<kind>{'|'.join(_KINDS[:-1])})"
# Paths without `usr`: if /lib is a symlink, the former places are below it.
_IMAGES = [
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"boot/{_KIND}(?:-{_NAME})?(?P<packed>{_SUFFIX})?",
        rf"boot/{_KIND}(?P<packed>{_SUFFIX})-{_NAME}",
        rf"lib/modules/(?P<release>[^/]+)/{_KIND}(?P<packed>{_SUFFIX})?",
        # Unified kernel images of Fedora, of Ubuntu, and for systemd's boot loader.
        r"lib/modules/(?P<release>[^/]+)/[^/]+\.(?P<kind>efi)",
        rf"boot/kernel\.(?P<kind>efi)-{_NAME}",
        rf"(?:boot/)?(?:efi/)?EFI/Linux/{_NAME}\.(?P<kind>efi)",
    )
]
# Signatures and similar files, beside an image and named after it.
_BESIDE = (".asc", ".hmac", ".old", ".sha256", ".sha512", ".sig")
_MODULES = re.compile(r"lib/modules/(?P<release>[^/]+)/(?P<rest>.+)", re.ASCII)
_OTHERS = re.compile(
    r"boot/config(?:-[^/]+)?|lib/kernel/config-[^/]+|usr/share/kernel/[^/]+/kernel\.release|usr/src/[^/]+/\.config",
    re.ASCII,
)
_LINKS_MAX = 8


class KernelError(errors.InputError):
    """Packages without exactly one kernel."""


@dataclasses.dataclass(frozen=True)
class File:
    """A regular file of a package.

    Attributes:
        path: its path, without the `usr` of a merged /usr before `lib`.
        entry: the file; for a hard link, its target.
        package: path of its package.
    """

    path: str
    entry: Entry
    package: str

    @property
    def where(self) -> str:
        """Its name in errors."""
        return f"{self.package}: {self.path}"

    @property
    def release(self) -> str:
        """The release in the path of its modules' directory, or the empty string."""
        match = _MODULES.fullmatch(self.path)
        return match["release"] if match else ""

    @property
    def inside(self) -> str:
        """Its path in that directory, or the empty string."""
        match = _MODULES.fullmatch(self.path)
        return match["rest"] if match else ""


@dataclasses.dataclass(frozen=True)
class Image:
    """A file whose path is that of a kernel image.

    Attributes:
        file: the file.
        name: the end of its name, such as a release or a flavour; may be empty.
        preference: among images of one kernel, the one with the smallest value is used.
    """

    file: File
    name: str
    preference: int


def collect(packages: Sequence[str], architecture: str, tar_path: str) -> list[File]:
    """Unpack packages and return the files that may belong to a kernel.

    Args:
        packages: paths of `.deb` or `.apk` files.
        architecture: `aarch64` or `x86_64`.
        tar_path: prefix of the paths to unpack to; keep the files as long as the result is used.

    Raises:
        KernelError: a package with such files is of another architecture.
        InputError: a package is damaged.
    """
    files: list[File] = []
    for number, path in enumerate(packages):
        unpacked = f"{tar_path}.{number}"
        found, wanted, entries = _unpack(path, architecture, unpacked)
        own = _files(entries, path)
        if not own:
            os.unlink(unpacked)
        elif found != wanted:
            shown = wanted if wanted == architecture else f"{wanted} ({architecture})"
            raise KernelError(f"is of architecture {found}, not {shown}", where=path)
        files += own
    return files


def images(files: Sequence[File]) -> list[Image]:
    """Return the files whose paths are those of images."""
    found: list[Image] = []
    for file in files:
        match = next((match for pattern in _IMAGES if (match := pattern.fullmatch(file.path))), None)
        if match and not file.path.endswith(_BESIDE):
            name = match.groupdict().get("name") or ""
            # Uncompressed forms come first.
            found.append(Image(file, name, 2 * _KINDS.index(match["kind"]) + bool(match.groupdict().get("packed"))))
    return found


def _unpack(path: str, architecture: str, tar_path: str) -> tuple[str, str, list[Entry]]:
    """Return the architecture of a package, the expected one in the distribution's spelling, and its files."""
    with open(path, "rb") as stream:
        is_apk = stream.read(len(apk.MAGIC)) == apk.MAGIC
    if is_apk:
        alpine = apk.read(path)
        # Alpine's names of these architectures are the kernel's own.
        return alpine.architecture, architecture, apk.unpack(alpine, tar_path)
    debian = deb.read(path)
    return debian.architecture, ARCHITECTURES[architecture].debian, deb.unpack(debian, tar_path)


def _files(entries: Sequence[Entry], package: str) -> list[File]:
    by_path = {entry.path: entry for entry in entries}
    files: list[File] = []
    for path, entry in by_path.items():
        place = path.removeprefix("usr/") if path.startswith("usr/lib/") else path
        if not (
            _MODULES.fullmatch(place) or _OTHERS.fullmatch(place) or any(image.fullmatch(place) for image in _IMAGES)
        ):
            continue
        for _ in range(_LINKS_MAX):
            if entry.kind is not Kind.HARDLINK:
                break
            entry = by_path.get(entry.target, entry)
        # The target of a symlink has its own path.
        if entry.kind is Kind.FILE:
            files.append(File(place, dataclasses.replace(entry, path=place), package))
    return files
