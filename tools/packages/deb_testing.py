"""Create valid and broken Debian packages for tests."""

from __future__ import annotations

import gzip
import io
import lzma
import pathlib
import tarfile
from collections.abc import Iterable
from typing import Any

import zstandard

COMPRESSIONS = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def member(name: str, content: str | bytes = b"", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a tar member: a file, or the type in the attributes.

    Args:
        name: name, as in packages: `./usr/bin/x`.
        content: content of a file.
        **attributes: attributes of `tarfile.TarInfo`.
    """
    data = content.encode() if isinstance(content, str) else content
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    info.mtime = 1_700_000_000
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def directory(name: str, mode: int = 0o755, **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return the member of a directory."""
    return member(name, type=tarfile.DIRTYPE, mode=mode, **attributes)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """Return the member of a symbolic link."""
    return member(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """Return the member of a hard link."""
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def tar(members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding="utf-8") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Return an ar archive."""
    result = b"!<arch>\n"
    for name, data in members:
        result += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        result += data + b"\n" * (len(data) % 2)
    return result


def deb(
    path: pathlib.Path,
    members: Iterable[tuple[tarfile.TarInfo, bytes]] = (),
    *,
    name: str = "pkg",
    architecture: str = "amd64",
    version: str = "1.0-1",
    compression: str = ".xz",
    control: str | None = None,
) -> str:
    """Write a package and return its path."""
    if control is None:
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        control += "Description: a test\n of packages\n"
    pack = COMPRESSIONS[compression]
    path.write_bytes(
        ar(
            [
                ("debian-binary", b"2.0\n"),
                (f"control.tar{compression}", pack(tar([member("./control", control)]))),
                (f"data.tar{compression}", pack(tar([directory("./"), *members]))),
            ]
        )
    )
    return str(path)
