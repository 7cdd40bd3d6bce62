"""Test that rust-analyzer follows names through the project that the setup program writes."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.ide.editor import Editor
from tests.ide.language_server import LanguageServer
from tools.ide import rust_project


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    # The runfile links to the source file.
    workspace = pathlib.Path("MODULE.bazel").resolve().parent
    project = rust_project.project(
        [pathlib.Path(path) for path in os.environ["CRATES"].split()],
        workspace,
        pathlib.Path(os.environ["LIBRARY"]),
        pathlib.Path(os.environ["RUSTC"]),
    )
    directory = tmp_path_factory.mktemp("editor")
    with open(directory / "log", "wb") as log:
        server = LanguageServer([os.path.abspath(os.environ["RUST_ANALYZER"])], log)
    try:
        server.request(
            "initialize",
            {
                "processId": None,
                "rootUri": directory.as_uri(),
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
        server.wait_until_quiet()
        yield Editor(server, workspace)
    finally:
        server.stop()
        print((directory / "log").read_text())


def test_project_loads_without_warnings(editor: Editor) -> None:
    assert editor.server.status["health"] == "ok", editor.server.status


@pytest.mark.parametrize(
    ("path", "line", "name", "wanted"),
    [
        (
            "agents/guest_agent/src/session.rs",
            "protocol::lines::Splitter",
            "Splitter",
            "/agents/protocol/src/lines.rs",
        ),
        ("agents/guest_agent/src/main.rs", "std::fs::OpenOptions", "OpenOptions", "/library/std/src/fs.rs"),
        ("agents/guest_agent/src/main.rs", "rustix::process::geteuid", "geteuid", "/rustix-0.38"),
        (
            "agents/guest_agent/src/main.rs",
            "agent::config::Config",
            "Config",
            "/agents/guest_agent/src/config.rs",
        ),
    ],
    ids=["protocol", "std", "third-party", "own library"],
)
def test_definitions_are_found(editor: Editor, path: str, line: str, name: str, wanted: str) -> None:
    assert wanted in editor.definition(path, line, name)
