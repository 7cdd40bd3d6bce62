"""Test of compiled modules. The interpreter of the test represents the image's."""

from __future__ import annotations

import importlib.util
import marshal
import pathlib
import shutil
import sys
import types

import pytest

from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import bytecode

MTIME = 315619200
_LIBRARY = f"usr/lib/python3.{sys.version_info.minor}"


def _module(path: str, text: str | bytes = "x = 1\n") -> Entry:
    data = text if isinstance(text, bytes) else text.encode()
    return Entry(path=path, kind=Kind.FILE, mode=0o755, content=Inline(data), origin="pkg 1.0-1 (all)")


def _added(tmp_path: pathlib.Path, *entries: Entry) -> list[Entry]:
    tree = Tree(entries)
    bytecode.add(tree, sys.executable, str(tmp_path), mtime=MTIME)
    known = {entry.path for entry in entries}
    return [entry for entry in tree if entry.path not in known and entry.kind is Kind.FILE]


def test_modules_are_compiled_on_the_search_path(tmp_path: pathlib.Path) -> None:
    paths = [
        f"{_LIBRARY}/json/decoder.py",
        "usr/lib/python3/dist-packages/numpy.py",
        f"usr/local/lib/python3.{sys.version_info.minor}/dist-packages/uv/__init__.py",
    ]
    added = _added(tmp_path, *map(_module, paths), _module("usr/share/example.py"), _module(f"{_LIBRARY}/notes.txt"))
    assert [f"/{entry.path}" for entry in added] == [importlib.util.cache_from_source(f"/{path}") for path in paths]
    assert {entry.mode for entry in added} == {0o644}
    assert added[0].origin == f"bytecode of {paths[0]}"


def test_link_to_a_module_is_compiled(tmp_path: pathlib.Path) -> None:
    """Debian's sitecustomize.py is such a link, to a file in /etc."""
    site = f"{_LIBRARY}/sitecustomize.py"
    (added,) = _added(
        tmp_path,
        Entry(path=site, kind=Kind.SYMLINK, mode=0o777, target="/etc/python3/sitecustomize.py"),
        Entry(path=f"{_LIBRARY}/gone.py", kind=Kind.SYMLINK, mode=0o777, target="/etc/python3/gone.py"),
        _module("etc/python3/sitecustomize.py"),
    )
    assert f"/{added.path}" == importlib.util.cache_from_source(f"/{site}")


def test_compiled_module_names_its_source(tmp_path: pathlib.Path) -> None:
    text = "def f():\n    return 6 * 7\n"
    (added,) = _added(tmp_path, _module(f"{_LIBRARY}/answer.py", text))
    assert added.content
    data = content.read(added.content)
    # PEP 552: magic number, flags, time and size of the source.
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert [int.from_bytes(data[at : at + 4], "little") for at in (4, 8, 12)] == [0, MTIME, len(text)]
    code = marshal.loads(data[16:])
    assert isinstance(code, types.CodeType)
    assert code.co_filename == f"/{_LIBRARY}/answer.py"
    namespace: dict[str, object] = {}
    exec(code, namespace)
    function = namespace["f"]
    assert isinstance(function, types.FunctionType) and function() == 42


@pytest.mark.parametrize("text", ["print 'Python 2'\n", "x = 1\0\n", "(" * 5000, b"# coding: none\n", b"\xff\n"])
def test_file_that_is_not_python_is_not_compiled(tmp_path: pathlib.Path, text: str | bytes) -> None:
    good = _module(f"{_LIBRARY}/good.py")
    (added,) = _added(tmp_path, _module(f"{_LIBRARY}/bad.py", text), good)
    assert "/good." in added.path


def test_bytes_are_the_same_each_time(tmp_path: pathlib.Path) -> None:
    source = _module(f"{_LIBRARY}/a.py", "x = {'a', 'b', 'c'} | set('abc')\ny = x in {'d', 'e', 'f'}\n")
    read: set[bytes] = set()
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (added,) = _added(tmp_path / name, source)
        assert added.content
        read.add(content.read(added.content))
    assert len(read) == 1


def test_modules_of_another_version_are_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        bytecode.BytecodeError, match=r"is a module of Python 3\.99, but the compiling interpreter is of 3\.\d+"
    ):
        _added(tmp_path, _module("usr/lib/python3.99/a.py"))


def test_failing_interpreter_is_an_error(tmp_path: pathlib.Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such library >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(bytecode.BytecodeError, match="failed with exit code 3: no such library"):
        bytecode.add(Tree([_module(f"{_LIBRARY}/a.py")]), str(python), str(tmp_path), mtime=MTIME)


def test_interpreter_does_not_run_without_modules(tmp_path: pathlib.Path) -> None:
    tree = Tree([_module("usr/bin/tool")])
    bytecode.add(tree, "/nonexistent", str(tmp_path), mtime=MTIME)
    assert [entry.path for entry in tree if entry.kind is Kind.FILE] == ["usr/bin/tool"]


def test_bytes_do_not_depend_on_compiled_modules_of_the_interpreter(tmp_path: pathlib.Path) -> None:
    # The library that the test itself runs on, in the tree of the launcher.
    tree = pathlib.Path(sys.executable).parents[2]
    shutil.copytree(tree / "usr", tmp_path / "usr", ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "config-*"))
    library = tree / _LIBRARY
    modules = [_module(f"{_LIBRARY}/{path.name}", path.read_bytes()) for path in sorted(library.glob("*.py"))]
    found: list[list[bytes]] = []
    for number, python in enumerate((sys.executable, str(tmp_path / "usr/bin/python3"))):
        work = tmp_path / str(number)
        work.mkdir()
        made = Tree(modules)
        bytecode.add(made, python, str(work), mtime=MTIME)
        found.append([content.read(entry.content) for entry in made if entry.content and entry.path.endswith(".pyc")])
    assert len(found[0]) > 100
    assert found[0] == found[1]
