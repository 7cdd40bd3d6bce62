"""Makes npm packages for tests, whole ones and broken ones."""

from __future__ import annotations

import io
import json
import pathlib
import tarfile
from collections.abc import Mapping
from typing import Any


def package(
    path: pathlib.Path, files: Mapping[str, bytes] | None = None, *, folder: str = "package", **fields: Any
) -> str:
    """Writes a package and returns its path.

    Args:
        path: its file.
        files: path to content.
        folder: name of the folder that everything is in.
        **fields: fields of package.json besides name and version, or in their place.
    """
    description = {"name": "thing", "version": "1.0.0", **fields}
    contents = {"package.json": json.dumps(description).encode(), **(files or {})}
    with tarfile.open(path, "w:gz") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode, member.uid = len(data), 0o644, 1000
            archive.addfile(member, io.BytesIO(data))
    return str(path)
