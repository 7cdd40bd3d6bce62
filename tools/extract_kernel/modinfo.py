"""Read the descriptions of kernel modules: the section .modinfo, `key=value` texts with final NULs."""

from __future__ import annotations

import dataclasses

from tools.cli import errors
from tools.elfcheck import elfcheck
from tools.extract_kernel import decompression

UNPACKED_MAX = 512 * 2**20
"""Most bytes of an unpacked module: a limit against decompression bombs."""

_COMPRESSIONS = {
    "bz2": "bzip2",
    "gz": "gzip",
    "lz4": "lz4",
    "lzma": "lzma",
    "lzo": "lzo",
    "xz": "xz",
    "zst": "zstd",
}

SUFFIXES = (".ko", *(f".ko.{suffix}" for suffix in _COMPRESSIONS))
"""Suffixes of modules' files."""

_WORDS = {"alias", "depends", "firmware", "name", "softdep", "vermagic", "weakdep"}


class ModuleError(errors.InputError):
    """A file that is not a module, or one of another kernel."""


@dataclasses.dataclass(frozen=True)
class ModInfo:
    """The parts of a module's description that the build needs.

    Attributes:
        name: the module's name, with underscores.
        vermagic: release and options of its kernel.
        depends: names of the modules whose symbols it uses, without indirect ones.
        softdeps: texts such as `pre: a b post: c`.
        aliases: patterns by which others request it.
        firmware: paths below lib/firmware of files that it loads into devices.
        weakdeps: texts such as `a b`: modules that it may request later.
    """

    name: str
    vermagic: str
    depends: tuple[str, ...]
    softdeps: tuple[str, ...]
    aliases: tuple[str, ...]
    firmware: tuple[str, ...] = ()
    weakdeps: tuple[str, ...] = ()


def is_module(path: str) -> bool:
    """Return whether a path's name is that of a module's file."""
    return path.endswith(SUFFIXES)


def module_name(path: str) -> str:
    """Return the kernel's name of the module in a file: no directory, no suffix, underscores."""
    name = path.rpartition("/")[2]
    return normalise(name.partition(".ko")[0] if is_module(name) else name)


def normalise(name: str) -> str:
    """Spell a module's name like the kernel."""
    return name.replace("-", "_")


def decompress(data: bytes, path: str) -> bytes:
    """Unpack a module's file whose name has a compression's suffix, by its magic number or else by the suffix.

    Raises:
        CompressionError: it is damaged, of an unsupported compression, or larger than UNPACKED_MAX.
    """
    suffix = path.rpartition(".")[2]
    if suffix not in _COMPRESSIONS or elfcheck.is_elf(data):
        return data
    found = decompression.of(data) or _COMPRESSIONS[suffix]
    return decompression.decompress_file(data, found, UNPACKED_MAX, path)


def read(data: bytes, architecture: str, release: str, path: str) -> ModInfo:
    """Check an unpacked module and read its description.

    Args:
        data: the module, unpacked.
        architecture: `aarch64` or `x86_64`.
        release: its kernel's release.
        path: its file's name, for errors and for its own name.

    Raises:
        ElfError: it is not a module of the architecture.
        ModuleError: its description is malformed, or it is of another kernel.
    """
    elfcheck.check(data, architecture, elfcheck.Kind.KERNEL_MODULE, where=path)
    pairs = parse(elfcheck.section(data, ".modinfo", path) or b"", path)
    # They become words of lines (in modules.dep and similar files). Descriptions of parameters may have several lines.
    for key, value in pairs:
        if key in _WORDS and not value.isprintable():
            raise ModuleError(f"has control characters in its {key}: {value[:80]!r}", where=path)
    first = dict(reversed(pairs))
    vermagic = first.get("vermagic", "")
    if vermagic.partition(" ")[0] != release:
        raise ModuleError(f"is built for kernel {vermagic.partition(' ')[0] or 'nothing'!r}, not {release}", where=path)
    return ModInfo(
        name=normalise(first.get("name") or module_name(path)),
        vermagic=vermagic,
        depends=tuple(normalise(name) for name in first.get("depends", "").split(",") if name),
        softdeps=tuple(value for key, value in pairs if key == "softdep"),
        aliases=tuple(value for key, value in pairs if key == "alias"),
        firmware=tuple(value for key, value in pairs if key == "firmware"),
        weakdeps=tuple(value for key, value in pairs if key == "weakdep"),
    )


def parse(section: bytes, where: str) -> list[tuple[str, str]]:
    """Split a section into pairs of key and value, in its order.

    Authors and descriptions that are not UTF-8 are escaped: nothing depends on them.

    Raises:
        ModuleError: a text has no `=`, or a relevant one is not UTF-8.
    """
    pairs: list[tuple[str, str]] = []
    for item in section.split(b"\0"):
        if not item:
            continue
        key, separator, value = item.partition(b"=")
        name = key.decode("utf-8", "backslashreplace")
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("utf-8", "backslashreplace")
            separator = b"" if name in _WORDS else separator
        if not separator:
            raise ModuleError(f"has a malformed description {item[:80]!r}", where=where)
        pairs.append((name, text))
    return pairs
