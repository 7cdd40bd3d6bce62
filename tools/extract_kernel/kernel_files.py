"""Find the files of a kernel in a set of packages, whatever the split and wherever distributions put them.

A kernel may be one package (Debian's linux-image-*, Alpine's linux-*) or several: Debian's of release 7 and later are
linux-binary-*, linux-base-* and linux-modules-*, Ubuntu's linux-image-*, linux-modules-* and linux-modules-extra-*.
Metapackages and empty packages have such names too, so that every package is looked into.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence

from tools.cli import errors
from tools.elfcheck.architectures import ARCHITECTURES
from tools.fsspec.tree import Entry, Kind
from tools.packages import apk, deb

_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9.+~_-]*?)"
_SUFFIX = r"\.(?:bz2|gz|lz4|lzma|lzo|xz|zst)"
_KINDS = ("vmlinuz", "bzImage", "Image", "zImage", "vmlinux", "efi")
"""Names of images, the one to prefer first: `vmlinux` is often there for debuggers only."""

_KIND = rf"(?P<kind>{'|'.join(_KINDS[:-1])})"
# Paths without the `usr` that the former places are below of where /lib is a symlink.
_IMAGES = [
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"boot/{_KIND}(?:-{_NAME})?(?P<packed>{_SUFFIX})?",
        rf"boot/{_KIND}(?P<packed>{_SUFFIX})-{_NAME}",
        rf"lib/modules/(?P<release>[^/]+)/{_KIND}(?P<packed>{_SUFFIX})?",
        # Unified kernel images of Fedora, of Ubuntu, and as systemd's boot loader finds them.
        r"lib/modules/(?P<release>[^/]+)/[^/]+\.(?P<kind>efi)",
        rf"boot/kernel\.(?P<kind>efi)-{_NAME}",
        rf"(?:boot/)?(?:efi/)?EFI/Linux/{_NAME}\.(?P<kind>efi)",
    )
]
# Signatures and the like, beside an image and named after it.
_BESIDE = (".asc", ".hmac", ".old", ".sha256", ".sha512", ".sig")
_MODULES = re.compile(r"lib/modules/(?P<release>[^/]+)/(?P<rest>.+)", re.ASCII)
_OTHERS = re.compile(
    r"boot/config(?:-[^/]+)?|lib/kernel/config-[^/]+|usr/share/kernel/[^/]+/kernel\.release|usr/src/[^/]+/\.config",
    re.ASCII,
)
_LINKS_MAX = 8


class KernelError(errors.InputError):
    """Packages without the one kernel that is wanted."""


@dataclasses.dataclass(frozen=True)
class File:
    """A regular file of a package.

    Attributes:
        path: where it belongs, without the `usr` of a merged /usr before `lib`.
        entry: the file; a hard link is what it names.
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
        """The release whose modules' directory it is in, or the empty string."""
        match = _MODULES.fullmatch(self.path)
        return match["release"] if match else ""

    @property
    def inside(self) -> str:
        """Its path in that directory, or the empty string."""
        match = _MODULES.fullmatch(self.path)
        return match["rest"] if match else ""


@dataclasses.dataclass(frozen=True)
class Image:
    """A file that by its path is a kernel's image.

    Attributes:
        file: the file.
        name: what its name ends in, such as a release or a flavour; may be empty.
        preference: among images of one kernel the smallest is the one to take.
    """

    file: File
    name: str
    preference: int


def collect(packages: Sequence[str], architecture: str, tar_path: str) -> list[File]:
    """Unpack packages and return what in them may be of a kernel.

    Args:
        packages: paths of `.deb` or `.apk` files.
        architecture: `aarch64` or `x86_64`.
        tar_path: where to unpack to, with a number behind it; must stay as long as the result is used.

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
    """Return the files that are images by their paths."""
    found: list[Image] = []
    for file in files:
        match = next((match for pattern in _IMAGES if (match := pattern.fullmatch(file.path))), None)
        if match and not file.path.endswith(_BESIDE):
            name = match.groupdict().get("name") or ""
            # What is not packed comes first.
            found.append(Image(file, name, 2 * _KINDS.index(match["kind"]) + bool(match.groupdict().get("packed"))))
    return found


def _unpack(path: str, architecture: str, tar_path: str) -> tuple[str, str, list[Entry]]:
    """Return the architecture of a package, the wanted one as the distribution spells it, and what is in it."""
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
        # A symlink names what has a place of its own.
        if entry.kind is Kind.FILE:
            files.append(File(place, dataclasses.replace(entry, path=place), package))
    return files
