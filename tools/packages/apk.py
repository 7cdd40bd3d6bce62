"""Read Alpine packages (apk(5), version 2) in this process, and run nothing of theirs.

An `.apk` is a sequence of up to three gzip streams, each a piece of a tar archive: signatures (`.SIGN.*`, optional),
control (`.PKGINFO` and scripts) and data. Only the data has the two blocks that end an archive. This module checks the
sha256 of the compressed data in `.PKGINFO`. It does not check signatures: a package is pinned by its own sha256, and
there would be no key to trust.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
import tarfile
import zlib
from typing import IO

from tools.fsspec.content import Region
from tools.fsspec.tree import Entry
from tools.packages import tarball
from tools.packages.tarball import PackageError

MAGIC = b"\x1f\x8b"
"""Magic number of a package."""

_ADB_MAGIC = b"ADB"
_CONTROL_MAX = 64 * 2**20
_BLOCK = 2**16
_INFO = ".PKGINFO"
_SIGNATURE = ".SIGN."
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Records that apk itself writes. The checksum covers the member's content, which the data's sha256 covers, too.
_HEADERS = ("APK-TOOLS.checksum.SHA1", "atime", "ctime", "linkpath", "mtime", "path", "size")


@dataclasses.dataclass(frozen=True)
class Apk:
    """A package.

    Attributes:
        path: its file.
        name: field pkgname.
        version: field pkgver.
        architecture: field arch, in Alpine's spelling: `x86_64`, `aarch64`, `noarch`.
        data: the compressed data.
    """

    path: str
    name: str
    version: str
    architecture: str
    data: Region

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.architecture})"


def read(path: str) -> Apk:
    """Read a package's description and check that it describes the data.

    Raises:
        PackageError: it is not a package of version 2, or damaged.
    """
    with open(path, "rb") as stream:
        start = stream.read(len(_ADB_MAGIC))
        if start == _ADB_MAGIC:
            raise PackageError("is an Alpine package of version 3", where=path, fix="give one of version 2")
        if start[: len(MAGIC)] != MAGIC:
            raise PackageError("is not an Alpine package: it is not compressed by gzip", where=path)
        stream.seek(0)
        texts = _segment(stream, path)
        if _INFO not in texts and any(name.startswith(_SIGNATURE) for name in texts):
            texts = _segment(stream, path)
        if _INFO not in texts:
            raise PackageError(f"is not an Alpine package: it has no {_INFO} at its beginning", where=path)
        fields = _fields(texts[_INFO], path)
        offset = stream.tell()
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        data = Region(path, offset, stream.tell() - offset)
    if sha256 != fields["datahash"]:
        raise PackageError(f"its data has sha256 {sha256}, but {_INFO} says {fields['datahash']}", where=path)
    return Apk(path, fields["pkgname"], fields["pkgver"], fields["arch"], data)


def unpack(apk: Apk, tar_path: str) -> list[Entry]:
    """Unpack a package's data.

    Args:
        apk: the package.
        tar_path: output: the uncompressed archive; the entries' content stays there.

    Returns:
        The entries in the archive's order, without the root, as in the package.

    Raises:
        PackageError, PathError, TreeError: the package is damaged or contains something that no image may contain.
    """
    with apk.data.open() as raw, tarball.decompressed(raw, "gz", apk.path) as stream:
        tarball.save(stream, tar_path, apk.path)
    return tarball.entries(tar_path, apk.path, str(apk), _HEADERS)


def _segment(stream: IO[bytes], path: str) -> dict[str, bytes]:
    """Read one gzip stream, return its regular files, and leave `stream` at its end."""
    unpacker = zlib.decompressobj(31)
    unpacked = bytearray()
    try:
        while not unpacker.eof:
            block = stream.read(_BLOCK)
            if not block:
                raise PackageError("is truncated", where=path)
            unpacked += unpacker.decompress(block, _CONTROL_MAX + 1 - len(unpacked))
            if len(unpacked) > _CONTROL_MAX:
                raise PackageError(f"has more than {_CONTROL_MAX} bytes of control data", where=path)
    except zlib.error as error:
        raise PackageError(f"cannot be decompressed: {error}", where=path) from None
    stream.seek(-len(unpacker.unused_data), io.SEEK_CUR)
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
            files = [(member.name, tar.extractfile(member)) for member in tar if member.isreg()]
            return {name: file.read() for name, file in files if file}
    except (tarfile.TarError, ValueError) as error:
        raise PackageError(f"its control data is damaged: {error}", where=path) from None


def _fields(text: bytes, path: str) -> dict[str, str]:
    """Return the known fields. Others, such as `depend`, may occur several times."""
    patterns = {"arch": _NAME, "datahash": _SHA256, "pkgname": _NAME, "pkgver": _NAME}
    fields: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        key, separator, value = line.partition(" = ")
        if not separator or key not in patterns:
            continue
        if key in fields or not patterns[key].fullmatch(value):
            raise PackageError(f"its {_INFO} has a bad line {line!r}", where=path)
        fields[key] = value
    missing = sorted(patterns.keys() - fields.keys())
    if missing:
        raise PackageError(f"its {_INFO} has no field {missing[0]}", where=path)
    return fields
