"""Reads what kernel modules say of themselves: the section .modinfo, `key=value` texts with final NULs."""

from __future__ import annotations

import dataclasses

from tools.cli import errors
from tools.elfcheck import elfcheck
from tools.extract_kernel import compression

UNPACKED_MAX = 512 * 2**20
"""Most bytes that a module may have unpacked: a bound against decompression bombs."""

SUFFIXES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")
"""What the files of modules end in."""

_WORDS = {"alias", "depends", "name", "softdep", "vermagic"}
_COMPRESSIONS = {"gz": "gzip", "xz": "xz", "zst": "zstd"}


class ModuleError(errors.InputError):
    """A file that is no module, or one of another kernel."""


@dataclasses.dataclass(frozen=True)
class ModInfo:
    """What the build needs of a module's description.

    Attributes:
        name: the module's name, with underscores.
        vermagic: release and options of its kernel.
        depends: names of the modules whose symbols it uses, direct ones only.
        softdeps: texts such as `pre: a b post: c`.
        aliases: patterns by which others ask for it.
    """

    name: str
    vermagic: str
    depends: tuple[str, ...]
    softdeps: tuple[str, ...]
    aliases: tuple[str, ...]


def is_module(path: str) -> bool:
    """Whether a path's name is that of a module's file."""
    return path.endswith(SUFFIXES)


def module_name(path: str) -> str:
    """The kernel's name of the module in a file: no folder, no suffix, underscores."""
    name = path.rpartition("/")[2]
    return normalise(name.partition(".ko")[0] if is_module(name) else name)


def normalise(name: str) -> str:
    """Spells a module's name as the kernel does."""
    return name.replace("-", "_")


def decompress(data: bytes, path: str) -> bytes:
    """Unpacks a module's file by the suffix of its name.

    Raises:
        CompressionError: it is damaged, or larger than UNPACKED_MAX.
    """
    suffix = path.rpartition(".")[2]
    if suffix not in _COMPRESSIONS:
        return data
    return compression.decompress(data, _COMPRESSIONS[suffix], UNPACKED_MAX, path)


def read(data: bytes, architecture: str, release: str, path: str) -> ModInfo:
    """Checks an unpacked module and reads its description.

    Args:
        data: the module, unpacked.
        architecture: `aarch64` or `x86_64`.
        release: its kernel's release.
        path: its file's name, for errors and for its own name.

    Raises:
        ElfError: it is no module of the architecture.
        ModuleError: its description is malformed, or it is of another kernel.
    """
    elfcheck.check(data, architecture, elfcheck.Kind.KERNEL_MODULE, where=path)
    pairs = parse(elfcheck.section(data, ".modinfo", path) or b"", path)
    # They become words of lines (modules.dep and its like). Descriptions of parameters may have several lines.
    for key, value in pairs:
        if key in _WORDS and not value.isprintable():
            raise ModuleError(f"has control characters in its {key}: {value[:80]!r}", where=path)
    first = dict(reversed(pairs))
    vermagic = first.get("vermagic", "")
    if vermagic.partition(" ")[0] != release:
        raise ModuleError(f"is made for kernel {vermagic.partition(' ')[0] or 'nothing'!r}, not {release}", where=path)
    return ModInfo(
        name=normalise(first.get("name") or module_name(path)),
        vermagic=vermagic,
        depends=tuple(normalise(name) for name in first.get("depends", "").split(",") if name),
        softdeps=tuple(value for key, value in pairs if key == "softdep"),
        aliases=tuple(value for key, value in pairs if key == "alias"),
    )


def parse(section: bytes, where: str) -> list[tuple[str, str]]:
    """Splits a section into pairs of key and value, in its order.

    Raises:
        ModuleError: a text is not UTF-8 or has no `=`.
    """
    pairs: list[tuple[str, str]] = []
    for item in section.split(b"\0"):
        if not item:
            continue
        key, separator, value = item.partition(b"=")
        try:
            pairs.append((key.decode(), value.decode()))
        except UnicodeDecodeError:
            separator = b""
        if not separator:
            raise ModuleError(f"has a malformed description {item[:80]!r}", where=where)
    return pairs
