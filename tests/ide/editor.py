"""Provide an editor for tests that follow definitions."""

from __future__ import annotations

import pathlib
import time

from tests.ide.language_server import PATIENCE, LanguageServer


class Editor:
    """An editor of Rust with the workspace open."""

    def __init__(self, server: LanguageServer, workspace: pathlib.Path) -> None:
        """Create an editor without open files."""
        self.server = server
        self._workspace = workspace

    def definition(self, path: str, line: str, name: str) -> str:
        """Return the file that defines `name`, which stands in the first line of a file that contains `line`."""
        file = self._workspace / path
        text = file.read_text()
        document = {"uri": file.as_uri()}
        opened = {**document, "languageId": "rust", "version": 1, "text": text}
        self.server.notify("textDocument/didOpen", {"textDocument": opened})
        number, content = next((number, content) for number, content in enumerate(text.splitlines()) if line in content)
        # The end of the name: this selects the last part of a path.
        position = {"line": number, "character": content.index(line) + line.index(name) + len(name) - 1}
        asked = {"textDocument": document, "position": position}
        until = time.monotonic() + PATIENCE
        # A server may call itself ready before the last of its files have arrived.
        while not (found := self.server.request("textDocument/definition", asked)) and time.monotonic() < until:
            time.sleep(0.5)
        self.server.notify("textDocument/didClose", {"textDocument": document})
        return found[0].get("targetUri") or found[0]["uri"] if found else ""
