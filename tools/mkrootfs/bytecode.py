"""Compile a tree's Python modules, as maintainer scripts and installers do elsewhere.

Otherwise every program would compile the modules that it imports, every time: programs in a guest cannot write beside
the modules of the image. The files follow PEP 3147, and contain the size and time of their source (PEP 552).
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import json
import os
import pathlib
import re
from collections.abc import Iterator

from tools.cli import errors, program
from tools.fsspec import content
from tools.fsspec.content import Content, HostFile
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import libraries

ORIGIN = "bytecode of {path}"
"""Origin of a compiled module's entry."""

# Where Debian's Python looks for modules: its library, Debian's packages, and packages of the administrator.
_MODULE = re.compile(r"usr/(?:local/)?lib/python3(?P<minor>\.\d+)?/(?:.+/)?(?P<name>[^/]+)\.py")

_PROGRAM = pathlib.Path(__file__).with_name("compile_modules.py")

# Number of processes. It is fixed, because the bytes of a module depend on those that its process compiles before.
_PARTS = 2

# Directory without compiled modules.
_NOWHERE = "/nonexistent"


class BytecodeError(errors.InputError):
    """An interpreter that cannot compile the tree's modules."""


def add(tree: Tree, python: str, work: str, *, mtime: int) -> None:
    """Add the compiled form of each module.

    Files that are not Python, such as templates, have no compiled form, as after an installer.

    Args:
        tree: the tree.
        python: path of a CPython of the tree's version.
        work: directory for the files; keep it as long as the tree is used.
        mtime: time that every file of the tree will have, in seconds since 1970.

    Raises:
        BytecodeError: the interpreter is of another version than the modules, or fails.
    """
    modules = list(_modules(tree))
    if not modules:
        return
    directory = pathlib.Path(work) / "bytecode"
    directory.mkdir()
    for number, module in enumerate(modules):
        source = directory / f"{number}.py"
        source.write_bytes(content.read(module.content))
        os.utime(source, (mtime, mtime))
    numbered = [(number, module.entry.path) for number, module in enumerate(modules)]
    parts = [numbered[part::_PARTS] for part in range(min(_PARTS, len(numbered)))]
    with concurrent.futures.ThreadPoolExecutor(_PARTS) as pool:
        made = list(pool.map(functools.partial(_compile, python, directory), parts))[0]
    for number, module in enumerate(modules):
        entry, match = module.entry, module.match
        if match["minor"] not in (None, made["minor"]):
            raise BytecodeError(
                f"is a module of Python 3{match['minor']}, but the compiling interpreter is of 3{made['minor']}",
                where=f"{entry.origin}: {entry.path}",
                fix="give the interpreter of the image's version",
            )
        compiled = directory / f"{number}.pyc"
        path = f"{os.path.dirname(entry.path)}/__pycache__/{match['name']}.{made['tag']}.pyc"
        if not compiled.exists() or path in tree:
            continue
        tree.add(
            Entry(
                path=path,
                kind=Kind.FILE,
                mode=0o644,
                content=HostFile(str(compiled)),
                origin=ORIGIN.format(path=entry.path),
            )
        )


@dataclasses.dataclass(frozen=True)
class _Module:
    entry: Entry
    match: re.Match[str]
    content: Content


def _modules(tree: Tree) -> Iterator[_Module]:
    for entry in tree:
        match = _MODULE.fullmatch(entry.path)
        # Debian keeps configurable modules in /etc, and links to them.
        path = libraries.resolve(tree, entry.path) if match else None
        file = tree.get(path) if path else None
        if match and file and file.content:
            yield _Module(entry, match, file.content)


def _compile(python: str, directory: pathlib.Path, names: list[tuple[int, str]]) -> dict[str, str]:
    """Run the interpreter on numbered modules, and return its version and tag."""
    # An empty environment and a fixed hash seed: the state of the interpreter's memory shows in its output. The state
    # also depends on whether the interpreter's own modules are compiled, and so on the build host.
    command = [python, "-I", "-S", "-B", "-X", f"pycache_prefix={_NOWHERE}", str(_PROGRAM), str(directory)]
    return json.loads(program.run(command, environment={}, error=BytecodeError, stdin=json.dumps(names)))
