"""A packed tree: an uncompressed tar archive with all content, and a JSON file beside it.

Actions pass a whole root filesystem in this form. Bazel would lose parts of a directory: empty directories, modes,
owners, hard links, devices.
"""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from typing import IO

from tools.cli import errors
from tools.fsspec import paths, spec
from tools.fsspec.content import Region
from tools.fsspec.tree import Entry, Kind, Tree

MTIME = 315619200
"""Default time of an image's files: 1980-01-02, in seconds since 1970. ZIP archives have no earlier times: Python's
zipfile rejects files of 1970, and so would every build of a wheel."""

# GNU's format, not pax: it holds names as bytes. mke2fs reads the archive with libarchive, which rejects pax names that
# the locale cannot show, and a build has no locale.
_FORMAT = tarfile.GNU_FORMAT
_ENCODING = "utf-8"
_TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
    Kind.CHAR: tarfile.CHRTYPE,
    Kind.BLOCK: tarfile.BLKTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
}
_KINDS = {value: key for key, value in _TYPES.items()}


class PackedError(errors.InputError):
    """An archive that is damaged, or that differs from the JSON file's description."""


def write_tar(entries: Sequence[Entry], stream: IO[bytes], mtime: int) -> dict[str, spec.Digest]:
    """Write a tar archive.

    Args:
        entries: the result of `Tree.finish`.
        stream: the output.
        mtime: time of every member, in seconds since 1970.

    Returns:
        The digest of each file's content, by path.

    Raises:
        PackedError: the length of a file changed during the read.
    """
    with tarfile.open(fileobj=stream, mode="w", format=_FORMAT, encoding=_ENCODING) as tar:
        return _add_members(tar, entries, mtime)


def write(tree: Tree, architecture: str, tar_path: str, spec_path: str, name: str, mtime: int) -> None:
    """Write archive and JSON file.

    Args:
        tree: the tree.
        architecture: `aarch64` or `x86_64`.
        tar_path: output: the archive.
        spec_path: output: the JSON file.
        name: final file name of the archive, for the JSON file.
        mtime: time of every member, in seconds since 1970.
    """
    entries = tree.finish()
    with open(tar_path, "wb") as stream:
        digests = write_tar(entries, stream, mtime)
    archive = spec.Archive(name, digest_of(tar_path))
    items = [spec.Item(entry, member=digests.get(entry.path)) for entry in entries]
    text = spec.dump(spec.Spec(architecture, items, archive))
    pathlib.Path(spec_path).write_text(text, "utf-8")


def extend(
    source: tuple[str, str], entries: Sequence[Entry], tar_path: str, spec_path: str, name: str, mtime: int
) -> None:
    """Write archive and JSON file of a packed tree with further files. These come last: all before them stays as it is.

    Args:
        source: paths of the tree's archive and JSON file.
        entries: the files; their directories are in the tree.
        tar_path: where to write the archive.
        spec_path: where to write the JSON file.
        name: file name that the archive will have in the end.
        mtime: time of the files, in seconds since 1970.

    Raises:
        PackedError: archive and JSON file of the tree do not belong together, or the directory of a file is missing.
        TreeError: the tree has such a path already.
    """
    described, present = load(source[1], source[0])
    tree = Tree(present)
    for entry in entries:
        if any(directory not in tree for directory in paths.ancestors(entry.path)):
            raise PackedError(
                f"has no directory for {entry.path}", where=source[0], fix="reserve the path when it is packed"
            )
        tree.add(entry)
    shutil.copyfile(source[0], tar_path)
    with tarfile.open(tar_path, "a", format=_FORMAT, encoding=_ENCODING) as tar:
        digests = _add_members(tar, entries, mtime)
    items = [*described.items, *(spec.Item(entry, member=digests[entry.path]) for entry in entries)]
    text = spec.dump(spec.Spec(described.architecture, items, spec.Archive(name, digest_of(tar_path))))
    pathlib.Path(spec_path).write_text(text, "utf-8")


def read_tar(path: str) -> Iterator[Entry]:
    """Read the entries of an uncompressed tar archive of `write_tar`.

    Raises:
        PackedError: it is damaged, or has members that `write_tar` never writes.
    """
    try:
        with tarfile.open(path, "r:", encoding=_ENCODING, errors="surrogateescape") as tar:
            for member in tar:
                if member.type not in _KINDS or member.pax_headers:
                    raise PackedError(f"has a member {member.name!r} of an unexpected type", where=path)
                yield _entry(member, path)
    except (tarfile.TarError, ValueError) as error:
        raise PackedError(f"is not a tar archive, or damaged: {error}", where=path, fix="build it again") from None


def load(spec_path: str, tar_path: str) -> tuple[spec.Spec, list[Entry]]:
    """Read a packed tree and check that archive and JSON file describe the same one.

    Args:
        spec_path: the JSON file.
        tar_path: the archive.

    Returns:
        The JSON file's content, and the entries with their content in the archive, in order.

    Raises:
        PackedError: they describe different trees; the message names the first difference.
    """
    described = spec.load(spec_path)
    if described.archive is None:
        raise PackedError("does not describe an archive", where=spec_path, fix="give the JSON file of a rootfs")
    actual = digest_of(tar_path)
    if actual != described.archive.digest:
        raise PackedError(
            f"has sha256 {actual.sha256}, but {spec_path} describes {described.archive.digest.sha256}",
            where=tar_path,
            fix="build both again",
        )
    entries = list(read_tar(tar_path))
    expected = [item.entry for item in described.items]
    for there, here in zip(expected, entries, strict=False):
        if _info(there) != _info(here):
            raise PackedError(
                f"{spec_path} describes '{_shown(there)}' where the archive has '{_shown(here)}'",
                where=tar_path,
                fix="build both again",
            )
    if len(expected) != len(entries):
        raise PackedError(
            f"has {len(entries)} members, but {spec_path} describes {len(expected)}",
            where=tar_path,
            fix="build both again",
        )
    Tree(entries).finish()
    return described, entries


def digest_of(path: str) -> spec.Digest:
    """Length and SHA-256 of a file."""
    with open(path, "rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return spec.Digest(os.stat(path).st_size, sha256)


def _add_members(tar: tarfile.TarFile, entries: Sequence[Entry], mtime: int) -> dict[str, spec.Digest]:
    digests: dict[str, spec.Digest] = {}
    for entry in entries:
        member = _member(entry, mtime)
        if entry.content is None:
            tar.addfile(member)
            continue
        with entry.content.open() as source:
            reader = _HashingReader(source)
            try:
                tar.addfile(member, reader)
            except OSError as error:
                if error.errno:
                    raise
                raise PackedError("became shorter while it was read", where=entry.path) from None
        digests[entry.path] = spec.Digest(member.size, reader.sha256.hexdigest())
    return digests


def _member(entry: Entry, mtime: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(entry.path)
    member.type = _TYPES[entry.kind]
    member.mode, member.uid, member.gid = entry.mode, entry.uid, entry.gid
    member.linkname = entry.target
    member.devmajor, member.devminor = entry.device
    member.mtime = mtime
    member.size = entry.content.size if entry.content else 0
    return member


def _entry(member: tarfile.TarInfo, path: str) -> Entry:
    kind = _KINDS[member.type]
    device = kind in (Kind.CHAR, Kind.BLOCK)
    return Entry(
        path=paths.check(member.name, path),
        kind=kind,
        mode=member.mode,
        uid=member.uid,
        gid=member.gid,
        content=Region(path, member.offset_data, member.size) if kind is Kind.FILE else None,
        target=member.linkname,
        device=(member.devmajor, member.devminor) if device else (0, 0),
        origin=path,
    )


def _info(entry: Entry) -> tuple[object, ...]:
    # A hard link has its file's mode and owner, which the JSON file does not repeat.
    owner = () if entry.kind is Kind.HARDLINK else (entry.mode, entry.uid, entry.gid)
    return (entry.path, entry.kind, *owner, entry.target, entry.device)


def _shown(entry: Entry) -> str:
    return f"{entry.kind} {entry.path} {entry.mode:04o} {entry.uid}:{entry.gid}"


class _HashingReader(io.RawIOBase):
    """Pass bytes on and hash them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.sha256.update(data)
        return data
