"""Create valid and broken wheels for tests."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import pathlib
import stat
import zipfile
from collections.abc import Collection, Mapping, Sequence


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
    rows: Sequence[str] = (),
    unrecorded: Collection[str] = (),
    algorithm: str = "sha256",
    method: int = zipfile.ZIP_DEFLATED,
) -> str:
    """Write a wheel and return its path.

    Args:
        path: its file.
        files: name to content; they may replace METADATA and WHEEL. Those in `.data/scripts` are executable.
        name: name of the package.
        version: its version.
        tags: its compatibility tags.
        metadata: further lines of METADATA.
        about: first lines of WHEEL.
        record: files whose rows in RECORD describe this content instead.
        rows: further lines of RECORD.
        unrecorded: files without a row in RECORD.
        algorithm: algorithm of RECORD's digests.
        method: compression of the zip archive.
    """
    info = f"{name}-{version}.dist-info"
    contents = {
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}".encode(),
        f"{info}/WHEEL": (about + "".join(f"Tag: {tag}\n" for tag in tags)).encode(),
        **(files or {}),
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for key, data in {**contents, **(record or {})}.items():
        if key not in unrecorded and not key.endswith("/"):
            writer.writerow([key, _digest(algorithm, data), len(data)])
    contents[f"{info}/RECORD"] = "".join([text.getvalue(), *rows, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w", method) as archive:
        for key, data in contents.items():
            member = zipfile.ZipInfo(key)
            member.external_attr = (stat.S_IFREG | (0o755 if "/scripts/" in key else 0o644)) << 16
            archive.writestr(member, data, method)
    return str(path)


def _digest(algorithm: str, data: bytes) -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
