"""rust-analyzer, as editors start it, follows names through the project that the setup program writes."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.ide.language_server import LanguageServer
from tools.ide import rust_project

# Where editors may take their time: indexing the standard library on a busy machine.
_PATIENCE = 100.0


class Editor:
    """An editor with the workspace open."""

    def __init__(self, server: LanguageServer, workspace: pathlib.Path) -> None:
        self.server = server
        self._workspace = workspace

    def definition(self, path: str, line: str, name: str) -> str:
        """Returns the file that defines `name`, which stands in the first line of a file that contains `line`."""
        file = self._workspace / path
        text = file.read_text()
        document = {"uri": file.as_uri()}
        opened = {**document, "languageId": "rust", "version": 1, "text": text}
        self.server.notify("textDocument/didOpen", {"textDocument": opened})
        number, content = next((number, content) for number, content in enumerate(text.splitlines()) if line in content)
        # The end of what was asked for, so that the last part of a path is meant.
        position = {"line": number, "character": content.index(line) + line.index(name) + len(name) - 1}
        asked = {"textDocument": document, "position": position}
        until = time.monotonic() + _PATIENCE
        # It calls itself ready before the last of the standard library's files have arrived.
        while not (found := self.server.request("textDocument/definition", asked)) and time.monotonic() < until:
            time.sleep(0.5)
        self.server.notify("textDocument/didClose", {"textDocument": document})
        return found[0].get("targetUri") or found[0]["uri"] if found else ""


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    # The runfile is a link to the file itself.
    workspace = pathlib.Path("MODULE.bazel").resolve().parent
    project = rust_project.project(
        [pathlib.Path(path) for path in os.environ["CRATES"].split()],
        workspace,
        pathlib.Path(os.environ["LIBRARY"]),
        pathlib.Path(os.environ["RUSTC"]),
    )
    folder = tmp_path_factory.mktemp("editor")
    with open(folder / "log", "wb") as log:
        server = LanguageServer([os.path.abspath(os.environ["RUST_ANALYZER"])], log)
    try:
        server.request(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "capabilities": {"experimental": {"serverStatusNotification": True}},
                "initializationOptions": {
                    "linkedProjects": [project],
                    "checkOnSave": False,
                    "cachePriming": {"enable": False},
                    "procMacro": {"enable": False},
                },
            },
        )
        server.notify("initialized", {})
        server.wait_until_quiet(_PATIENCE)
        yield Editor(server, workspace)
    finally:
        server.stop()
        print((folder / "log").read_text())


def test_the_project_loads_without_a_complaint(editor: Editor) -> None:
    assert editor.server.status["health"] == "ok", editor.server.status


@pytest.mark.parametrize(
    ("path", "line", "name", "wanted"),
    [
        (
            "agents/guest_agent/src/agent.rs",
            "protocol::lines::{Line, Splitter}",
            "Splitter",
            "/agents/protocol/src/lines.rs",
        ),
        ("agents/guest_agent/src/main.rs", "std::fs::OpenOptions", "OpenOptions", "/library/std/src/fs.rs"),
        ("agents/guest_agent/src/main.rs", "libc::geteuid", "geteuid", "/libc-0.2"),
        (
            "agents/guest_agent/src/main.rs",
            "agent::settings::Settings",
            "Settings",
            "/agents/guest_agent/src/settings.rs",
        ),
    ],
    ids=["protocol", "std", "third-party", "own library"],
)
def test_definitions_are_found(editor: Editor, path: str, line: str, name: str, wanted: str) -> None:
    assert wanted in editor.definition(path, line, name)
