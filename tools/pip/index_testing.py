"""A package index (PEP 503) in a directory, for tests."""

from __future__ import annotations

import hashlib
import io
import pathlib
import zipfile


def wheel(metadata: str, files: dict[str, str] | None = None, name: str = "demo-1.0") -> bytes:
    """Return a wheel.

    Args:
        metadata: further lines of its METADATA.
        files: its other files, by path.
        name: name and version, as in the names of wheels.
    """
    project, version = name.split("-")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(
            f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n{metadata}\n"
        )
        for path, text in (files or {}).items():
            archive.writestr(path, text)
    return content.getvalue()


class Index:
    """An index below a directory.

    Attributes:
        address: its address, of the scheme `file`.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self.address = directory.as_uri()

    def add(self, project: str, file: str, content: bytes, *, digest: bool = True) -> str:
        """Add a file to a project, and return its sha256."""
        (self._directory / project).mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256(content).hexdigest()
        (self._directory / project / file).write_bytes(content)
        with (self._directory / project / "index.html").open("a") as page:
            fragment = f"#sha256={sha256}" if digest else ""
            page.write(f'<a href="../{project}/{file.replace("+", "%2B")}{fragment}">{file}</a><br>\n')
        return sha256
