"""Read the archive of an npm package like npm's own client, which tolerates more than dpkg.

The reader drops the first component of every name, whatever it is. It skips links, devices and files beside the
directory, and ignores owners and extended headers. An archive may end without the two blocks of zeros of POSIX.
"""

from __future__ import annotations

import dataclasses
import os
import tarfile
from collections.abc import Iterator

from tools.fsspec.content import Region
from tools.packages import tarball
from tools.packages.tarball import PackageError

_GZIP = b"\x1f\x8b"


@dataclasses.dataclass(frozen=True)
class Contents:
    """The content of an archive.

    Attributes:
        files: path in the package to the file. Of two files with one path the later one counts.
        left_out: names of members that npm's client does not unpack.
    """

    files: dict[str, File]
    left_out: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class File:
    """A file: its bytes, and whether it is executable."""

    content: Region
    is_executable: bool


def uncompress(path: str, tar_path: str) -> None:
    """Write an archive uncompressed to `tar_path`.

    Raises:
        PackageError: it is damaged, or larger than tarball.UNPACKED_MAX.
    """
    with open(path, "rb") as raw:
        suffix = "gz" if raw.read(len(_GZIP)) == _GZIP else "tar"
        raw.seek(0)
        with tarball.decompressed(raw, suffix, path) as stream:
            tarball.save(stream, tar_path, path)


def read(tar_path: str, where: str) -> Contents:
    """Read the members of an uncompressed archive; the files' content stays there.

    Raises:
        PackageError: it is damaged, truncated, or has a path outside of the package.
    """
    files: dict[str, File] = {}
    left_out: list[str] = []
    for member in _members(tar_path, where):
        path = _below(member.name, where)
        if member.isreg() and not member.issparse() and path:
            content = Region(tar_path, member.offset_data, member.size)
            files[path] = File(content, bool(member.mode & 0o111))
        elif not member.isdir():
            left_out.append(member.name)
    return Contents(files, tuple(left_out))


def _members(tar_path: str, where: str) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(tar_path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
            yield from tarball.members(tar, where)
            # tarfile mistakes a damaged header for the end of an archive.
            end = tar.offset
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise PackageError(f"its archive is damaged: {error}", where=where) from None
    with open(tar_path, "rb") as archive:
        archive.seek(min(end, os.stat(tar_path).st_size))
        if archive.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise PackageError("its archive is damaged: it has a bad header", where=where)


def _below(name: str, where: str) -> str:
    """Return a member's path in the package, or the empty string for a member beside its directory."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if len(parts) < 2:
                raise PackageError(f"has {name!r}, which is outside of the package", where=where)
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts[1:])
