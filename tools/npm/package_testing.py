"""Create valid and broken npm packages for tests."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
import tarfile
from collections.abc import Mapping
from typing import Any


def package(
    path: pathlib.Path,
    files: Mapping[str, bytes] | None = None,
    *,
    directory: str = "package",
    links: Mapping[str, str] | None = None,
    is_ended: bool = True,
    **fields: Any,
) -> str:
    """Write a package and return its path.

    Args:
        path: output: the package.
        files: path to content.
        directory: name of the directory with all files.
        links: name of a symlink in the archive to its target.
        is_ended: whether the archive ends in blocks of zeros.
        **fields: fields of package.json, in addition to name and version, or instead of them.
    """
    description = {"name": "thing", "version": "1.0.0", **fields}
    contents = {"package.json": json.dumps(description).encode(), **(files or {})}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(f"{directory}/{name}")
            member.size, member.mode, member.uid = len(data), 0o644, 1000
            archive.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        end = archive.offset
    path.write_bytes(gzip.compress(raw.getvalue() if is_ended else raw.getvalue()[:end], mtime=0))
    return str(path)
