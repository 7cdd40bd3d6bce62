"""The language server of Starlark, as editors start it, follows names through a workspace with its Bazel."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.ide.editor import Editor
from tests.ide.language_server import LanguageServer
from tests.nested import nested


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    bazel = nested.Nested(folder, downloads=nested.seed_downloads(folder))
    # What a person has built before looking at it.
    bazel.run("query", "//tools/ide:all")
    environment = {**bazel.caller(), "BUILD_WORKSPACE_DIRECTORY": str(bazel.workspace)}
    with open(folder / "log", "wb") as log:
        program = [os.path.abspath(os.environ["STARLARK"]), *os.environ["ARGUMENTS"].split()]
        server = LanguageServer([*program, f"--external={bazel.output_base}/external"], log, environment)
    try:
        name = {"uri": bazel.workspace.as_uri(), "name": "workspace"}
        server.request("initialize", {"processId": None, "capabilities": {}, "workspaceFolders": [name]})
        server.notify("initialized", {})
        yield Editor(server, bazel.workspace, "starlark")
    finally:
        server.stop()
        bazel.close()
        print((folder / "log").read_text())


@pytest.mark.parametrize(
    ("path", "line", "name", "wanted"),
    [
        ("tools/ide/BUILD.bazel", "pytest_test(", "pytest_test", "/tools/pytest/defs.bzl"),
        ("tools/ide/BUILD.bazel", "py_library(", "py_library", "/external/rules_python/python/defs.bzl"),
        ("tools/ide/defs.bzl", "crate_specs = _crate_specs", "_crate_specs", "/tools/ide/private/crate_specs.bzl"),
        ("tools/ide/BUILD.bazel", '"//tools/lint:lib"', "//tools/lint:lib", "/tools/lint/BUILD.bazel"),
    ],
    ids=["symbol of the workspace", "symbol of another repository", "symbol of a .bzl file", "label"],
)
def test_definitions_are_found(editor: Editor, path: str, line: str, name: str, wanted: str) -> None:
    found = editor.definition(path, line, name)
    assert found.endswith(wanted)
    assert pathlib.Path(found.removeprefix("file://")).is_file()
