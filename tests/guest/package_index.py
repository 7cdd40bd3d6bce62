"""An index of Python packages on this machine's loopback, with one package."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Generator

NAME = "greeting"
"""Name of the package. Its `greet()` returns `hello from 1.0.0`."""


@functools.cache
def wheel() -> bytes:
    """Returns the package."""
    info = f"{NAME}-1.0.0.dist-info"
    files = {
        f"{NAME}.py": "def greet():\n    return 'hello from 1.0.0'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


class _Index(http.server.BaseHTTPRequestHandler):
    """PEP 503 below /simple."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        archive = wheel()
        file = f"{NAME}-1.0.0-py3-none-any.whl"
        digest = hashlib.sha256(archive).hexdigest()
        answers = {
            f"/simple/{NAME}/": ("text/html", f'<a href="/files/{file}#sha256={digest}">{file}</a>'.encode()),
            f"/files/{file}": ("application/octet-stream", archive),
        }
        kind, content = answers.get(self.path, ("text/plain", b""))
        self.send_response(200 if self.path in answers else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextlib.contextmanager
def serving(port: int = 0) -> Generator[int]:
    """Serves the index on 127.0.0.1 as long as the context lasts; gives the port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), _Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
