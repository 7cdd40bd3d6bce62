"""Makes wheels for tests, whole ones and broken ones."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import zipfile
from collections.abc import Mapping


def wheel(
    path: pathlib.Path,
    files: Mapping[str, bytes] | None = None,
    *,
    name: str = "thing",
    version: str = "1.0",
    tags: tuple[str, ...] = ("py3-none-any",),
    metadata: str = "",
    about: str = "Wheel-Version: 1.0\n",
    record: Mapping[str, bytes] | None = None,
) -> str:
    """Writes a wheel and returns its path.

    Args:
        path: its file.
        files: name to content; those in `.data/scripts` are executable.
        name: name of the package.
        version: its version.
        tags: its compatibility tags.
        metadata: further lines of METADATA.
        about: first lines of WHEEL.
        record: what RECORD says of files, where that is not the truth.
    """
    info = f"{name}-{version}.dist-info"
    contents = {
        **(files or {}),
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}".encode(),
        f"{info}/WHEEL": (about + "".join(f"Tag: {tag}\n" for tag in tags)).encode(),
    }
    rows = [f"{key},{_digest(data)},{len(data)}\n" for key, data in {**contents, **(record or {})}.items()]
    contents[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in contents.items():
            member = zipfile.ZipInfo(key)
            member.external_attr = (0o755 if "/scripts/" in key else 0o644) << 16
            archive.writestr(member, data)
    return str(path)


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
