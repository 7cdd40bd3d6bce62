"""Test of the files for editors."""

from __future__ import annotations

import json
import pathlib

from tools.ide import settings


def _texts(workspace: pathlib.Path) -> dict[str, str]:
    tool = pathlib.Path("/x/tool")
    return settings.texts(workspace, {"generator": settings.MARK, "crates": []}, ["/p/site-packages"], tool, tool)


def test_every_file_is_marked_and_valid(tmp_path: pathlib.Path) -> None:
    files = _texts(tmp_path)
    for name, text in files.items():
        assert settings.MARK in text, name
        if name.endswith(".json"):
            lines = [line for line in text.splitlines() if not line.startswith("//")]
            assert json.loads("\n".join(lines)), name


def test_bazel_is_that_of_the_workspace(tmp_path: pathlib.Path) -> None:
    files = _texts(tmp_path)
    settings_text = files[".vscode/settings.json"].partition("\n")[2]
    visual = json.loads(settings_text)
    bazel = str(tmp_path / "bazelw")
    assert visual["bazel.executable"] == bazel
    assert visual["bazel.buildifierExecutable"] == "/x/tool"
    assert f"\nbazel_binary: {bazel}\n" in files[".bazelproject"]


def test_unchanged_file_is_not_written(tmp_path: pathlib.Path) -> None:
    files = _texts(tmp_path)
    assert settings.write(tmp_path, files) == [f"wrote: {name}" for name in files]
    assert settings.write(tmp_path, files) == [f"unchanged: {name}" for name in files]
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_file_of_the_program_is_updated(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text(f"// {settings.MARK}\n")
    assert settings.write(tmp_path, {"x": "new"}) == ["wrote: x"]


def test_file_of_the_user_is_kept(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".vscode").mkdir()
    own = tmp_path / ".vscode/settings.json"
    own.write_text('{"editor.fontSize": 20}')
    said = settings.write(tmp_path, _texts(tmp_path))
    assert "kept, since it is your own: .vscode/settings.json" in said
    assert own.read_text() == '{"editor.fontSize": 20}'
