"""Provide an index of Python packages and an npm registry on this machine's loopback, with one package each."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Generator

NAME = "progress"
"""Name of both packages: a popular one, which hosts with an allowlist accept.

The `greet()` of each returns `hello from 1.0.0`.
"""

VERSION = "1.0.0"
"""Their only version."""

WHEEL = f"{NAME}-{VERSION}-py3-none-any.whl"
"""File of the Python package."""


@functools.cache
def _wheel() -> bytes:
    info = f"{NAME}-{VERSION}.dist-info"
    files = {
        f"{NAME}.py": f"def greet():\n    return 'hello from {VERSION}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


_DESCRIPTION = {"name": NAME, "version": VERSION}


@functools.cache
def _tarball() -> bytes:
    files = {
        "package.json": json.dumps(_DESCRIPTION),
        "index.js": f"exports.greet = () => 'hello from {VERSION}'\n",
    }
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


class _Index(http.server.BaseHTTPRequestHandler):
    """Serves PEP 503 below /simple, and an npm registry at the top."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        tarball = f"/{NAME}/-/{NAME}-{VERSION}.tgz"
        answers = {
            f"/simple/{NAME}/": self._page,
            f"/files/{WHEEL}": _wheel,
            f"/{NAME}": lambda: self._document(tarball),
            tarball: _tarball,
        }
        content = answers[self.path]() if self.path in answers else b"{}"
        self.send_response(200 if self.path in answers else 404)
        kinds = {f"/simple/{NAME}/": "text/html", f"/{NAME}": "application/json"}
        self.send_header("Content-Type", kinds.get(self.path, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _page(self) -> bytes:
        digest = hashlib.sha256(_wheel()).hexdigest()
        return f'<a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>'.encode()

    def _document(self, tarball: str) -> bytes:
        digest = base64.b64encode(hashlib.sha512(_tarball()).digest()).decode()
        where = {"tarball": f"http://{self.headers['Host']}{tarball}", "integrity": f"sha512-{digest}"}
        versions = {VERSION: _DESCRIPTION | {"dist": where}}
        return json.dumps({"name": NAME, "dist-tags": {"latest": VERSION}, "versions": versions}).encode()

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextlib.contextmanager
def serving(port: int = 0) -> Generator[int]:
    """Serve both on 127.0.0.1 while the context lasts; yield the port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), _Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
