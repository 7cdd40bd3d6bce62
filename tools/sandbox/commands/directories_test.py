"""Copies of directories are complete or absent, and a guest cannot choose where files are written."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import pathlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tools.cli.errors import InputError
from tools.sandbox import errors, frames, guest_testing, limits
from tools.sandbox.agent import Agent
from tools.sandbox.commands import directories, files
from tools.sandbox.guest_testing import Guest

# The guest's files: the entries of a directory, the content of a file, or another kind of file.
Tree = dict[str, "list[tuple[str, bool]] | bytes | str"]


async def _serve(guest: Guest, find: Callable[[str], Any]) -> None:
    """Serve the files of a guest, and accept new ones."""
    while True:
        request = await guest.requests.get()
        found, op_id = find(request.get("path", "")), request["op_id"]
        match request["action"]:
            case "list_files":
                entries = [{"name": name, "is_dir": is_dir, "size": 0} for name, is_dir in found]
                await guest.say({"type": "file_list", "path": "", "entries": entries, "op_id": op_id})
            case "read_file":
                data = frames.HEAD + frames.block(found) + frames.TAIL
                await guest.say({"type": "file_chunk", "data": base64.b64encode(data).decode(), "op_id": op_id})
                await guest.say({"type": "file_read_complete", "path": "", "size": len(found), "op_id": op_id})
            case "stat":
                kind = "file" if isinstance(found, bytes) else "directory" if isinstance(found, list) else found
                mode = 0o4755 if found == b"run" else 0o666
                stat = {"type": "stat", "path": "", "kind": kind, "size": 0, "mode": mode, "modified_ms": 0}
                await guest.say({**stat, "op_id": op_id})
            case other:
                raise AssertionError(other)


def _talk(find: Callable[[str], Any], work: Callable[[Agent], Coroutine[Any, Any, None]]) -> None:
    async def talk() -> None:
        async with guest_testing.connected() as (guest, agent):
            serving = asyncio.create_task(_serve(guest, find))
            try:
                await work(agent)
            finally:
                serving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await serving

    asyncio.run(talk())


def _get(tree: Tree, target: pathlib.Path) -> None:
    _talk(lambda path: tree[path], lambda agent: files.get(agent, "directory", str(target)))


def _only(directory: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_directory_is_copied_with_its_content(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree: Tree = {
        "directory": [("a", True), ("b", True), ("file", False), ("link", False), ("pipe\x1b", False), ("run", False)],
        "directory/a": [("deep", False)],
        "directory/a/deep": b"deep",
        "directory/b": [],
        "directory/file": b"content",
        "directory/link": "symlink",
        "directory/pipe\x1b": "other",
        "directory/run": b"run",
    }
    _get(tree, tmp_path / "copy")
    assert _only(tmp_path) == ["copy", "copy/a", "copy/a/deep", "copy/b", "copy/file", "copy/run"]
    assert (tmp_path / "copy/file").read_bytes() == b"content"
    # The executable bit, and no other attribute from the guest.
    modes = [(tmp_path / "copy" / name).stat().st_mode & 0o7777 for name in ("", "file", "run")]
    assert modes == [0o755, 0o644, 0o755]
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "directory/link",
        "directory/pipe\\x1b",
    ]
    # Into an existing directory, under its own name, but never over a file.
    _get(tree, tmp_path)
    assert (tmp_path / "directory/a/deep").read_bytes() == b"deep"
    with pytest.raises(InputError, match="exists already"):
        _get(tree, tmp_path)


@pytest.mark.parametrize("name", ["..", ".", "", "../../up", "/etc/passwd", "a/b", "a\0b", "twice"])
def test_invalid_name_is_a_protocol_error(name: str, tmp_path: pathlib.Path) -> None:
    entries = [("good", False), ("twice", False), (name, False)]
    tree: Tree = {"directory": entries, "directory/good": b"", "directory/twice": b""}
    tree.update({f"directory/{name}": b"bad", "/etc/passwd": b"bad"})
    (tmp_path / "in").mkdir()
    with pytest.raises(errors.ProtocolError, match="a name that no agent sends"):
        _get(tree, tmp_path / "in/copy")
    assert _only(tmp_path) == ["in"]


def test_path_that_is_file_and_directory_is_rejected(tmp_path: pathlib.Path) -> None:
    # Once a file and once a directory: the second one is rejected.
    tree: Tree = {"directory": [("x", False), ("x", True)], "directory/x": b""}
    with pytest.raises(errors.ProtocolError):
        _get(tree, tmp_path / "copy")
    assert _only(tmp_path) == []


def test_endless_directories_are_rejected(tmp_path: pathlib.Path) -> None:
    def find(path: str) -> list[tuple[str, bool]]:
        del path
        return [("d", True)]

    with pytest.raises(InputError, match=f"more than {limits.COPY_DEPTH} deep"):
        _talk(find, lambda agent: directories.get(agent, "directory", tmp_path / "copy"))
    assert _only(tmp_path) == []


def test_directory_over_a_limit_is_rejected(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"f{number}" for number in range(10)]
    tree: Tree = {"directory": [(name, False) for name in names], **{f"directory/{name}": bytes(100) for name in names}}
    for limit, value in (("COPY_BYTES", 999), ("COPY_ENTRIES", 9)):
        with monkeypatch.context() as patched:
            patched.setattr(limits, limit, value)
            with pytest.raises(InputError, match=f"more than {value} "):
                _get(tree, tmp_path / "copy")
        assert _only(tmp_path) == []
    _get(tree, tmp_path / "copy")
    assert len(_only(tmp_path)) == 11


@guest_testing.connect()
async def test_error_in_the_middle_leaves_nothing(guest: Guest, agent: Agent, tmp_path: pathlib.Path) -> None:
    task = asyncio.create_task(directories.get(agent, "directory", tmp_path / "copy"))
    await guest.answer(type="file_list", path="", entries=[{"name": "f", "is_dir": False, "size": 1}])
    await guest.answer(type="stat", path="", kind="file", size=1, mode=0o644, modified_ms=0)
    await guest.answer(type="error", error_type="io_error", message="no such file", version="1")
    with pytest.raises(errors.FileError):
        await task
    assert _only(tmp_path) == []
