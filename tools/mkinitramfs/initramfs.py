"""Assemble the tree of an initramfs and pack it."""

from __future__ import annotations

import io
import pathlib
import struct
import zlib
from collections.abc import Sequence

import zstandard

from tools.elfcheck import elfcheck
from tools.fsspec import merge
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkinitramfs import modules, newc

COMPRESSIONS = ("zstd", "gzip", "none")
DIRECTORIES = ("dev", "mnt", "modules", "proc", "sys", "tmp")
"""Empty directories in which the init program mounts, or from which it reads."""

_ORIGIN = "mkinitramfs"
_ZSTD_LEVEL = 18
_ZSTD_STRATEGY = zstandard.STRATEGY_BTOPT
_ZSTD_CHAIN_LOG = 21
_ZSTD_HASH_LOG = 18
"""With Debian's modules these parameters take two thirds of the time of level 19, for 0.4 % more bytes. Level 18 has
tables of 16 MiB, which take longer to fill than they save for an archive of a few MiB."""

_ZSTD_WINDOW_LOG = 23
"""8 MiB. The kernel accepts up to 128 MiB (lib/decompress_unzstd.c), and allocates the window of the frame
while the guest boots."""


def make_tree(init_path: str, architecture: str, plan: modules.Plan | None, spec_paths: Sequence[str]) -> Tree:
    """Assemble the tree.

    Args:
        init_path: the program that becomes /init.
        architecture: `aarch64` or `x86_64`.
        plan: modules to pack; None for a kernel without modules.
        spec_paths: JSON files with further entries, which may replace those of this module.

    Raises:
        InputError: the init program is not a static program of the architecture, or entries conflict.
    """
    init = pathlib.Path(init_path).read_bytes()
    elfcheck.check(init, architecture, elfcheck.Kind.STATIC_EXECUTABLE, where=init_path)
    tree = Tree()
    for name in DIRECTORIES:
        mode = 0o1777 if name == "tmp" else 0o755
        tree.add(Entry(path=name, kind=Kind.DIRECTORY, mode=mode, origin=_ORIGIN))
    # The kernel opens it for init's standard streams, before anything is mounted on /dev.
    tree.add(Entry(path="dev/console", kind=Kind.CHAR, mode=0o600, device=(5, 1), origin=_ORIGIN))
    tree.add(Entry(path="init", kind=Kind.FILE, mode=0o755, content=Inline(init), origin=init_path))
    if plan:
        files = {f"modules/{module.file}": module.data for module in plan.modules}
        files["modules/plan"] = plan.render().encode()
        for path, data in files.items():
            tree.add(Entry(path=path, kind=Kind.FILE, mode=0o644, content=Inline(data), origin=_ORIGIN))
    merge.load_into(tree, spec_paths, architecture)
    return tree


def absent_firmware(plan: modules.Plan, tree: Tree) -> dict[str, list[str]]:
    """Return firmware that the tree lacks, by the file of the module that names it."""
    firmware = {
        module.file: [name for name in module.firmware if not _has_firmware(tree, name)] for module in plan.modules
    }
    return {file: names for file, names in firmware.items() if names}


def _has_firmware(tree: Tree, name: str) -> bool:
    # CONFIG_FW_LOADER_COMPRESS.
    return any(tree.get(f"lib/firmware/{name}{suffix}") for suffix in ("", ".xz", ".zst"))


def pack(tree: Tree, compression: str) -> bytes:
    """Return a tree as a cpio archive, compressed so that every kernel with the method reads it."""
    buffer = io.BytesIO()
    newc.write(tree.finish(), buffer)
    return compress(buffer.getvalue(), compression)


def compress(data: bytes, compression: str) -> bytes:
    """Compress bytes, to the same result on every machine.

    Args:
        data: the bytes.
        compression: one of COMPRESSIONS.
    """
    if compression == "none":
        return data
    if compression == "gzip":
        # Written here: the header of Python's gzip differs between its versions.
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = stream.compress(data) + stream.flush()
        return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    # One frame with its size, and one thread: the number of threads changes the bytes.
    parameters = zstandard.ZstdCompressionParameters.from_level(  # pyright: ignore[reportUnknownMemberType]
        _ZSTD_LEVEL,
        source_size=len(data),
        window_log=_ZSTD_WINDOW_LOG,
        strategy=_ZSTD_STRATEGY,
        chain_log=_ZSTD_CHAIN_LOG,
        hash_log=_ZSTD_HASH_LOG,
        write_content_size=1,
        write_checksum=1,
        threads=0,
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)
