"""A digest pins every download: in the locks, in MODULE.bazel, and in the code that downloads."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

_ROOT = pathlib.Path("MODULE.bazel").resolve().parent
_SHA256 = re.compile(r"[0-9a-f]{64}")
_INTEGRITY = re.compile(r'integrity = "sha(?:256|384|512)-[\w+/=]+"')
_DOWNLOAD = re.compile(r"(?:\.download(?:_and_extract)?|\b_ask)\((?P<arguments>[^()]*(?:\([^()]*\)[^()]*)*)\)")

# Calls without a digest: an index page, which only tells where a pinned file is; a function that passes `sha256` on.
_UNPINNED = {
    'rctx, page, user, "index.html"',
    "rctx, address, user, file, **kwargs",
    "address, file, allow_fail = True, auth = auth, **kwargs",
}


def _files(pattern: str) -> list[pathlib.Path]:
    return [
        path
        for path in sorted(_ROOT.rglob(pattern))
        if not path.relative_to(_ROOT).parts[0].startswith((".", "bazel-"))
    ]


def _name(path: pathlib.Path) -> str:
    return str(path.relative_to(_ROOT))


def _pinned(lock: Any) -> Iterator[dict[str, Any]]:
    """Yield the files of a lock of Debian or Python packages."""
    for files in (lock.get("packages") or lock["wheels"]).values():
        yield from files


@pytest.mark.parametrize("path", _files("*.lock.json"), ids=_name)
def test_every_file_of_lock_has_digest(path: pathlib.Path) -> None:
    files = [*_pinned(json.loads(path.read_text()))]
    assert files
    assert [file for file in files if not _SHA256.fullmatch(file["sha256"])] == []


@pytest.mark.parametrize("path", _files("MODULE.bazel"), ids=_name)
def test_every_npm_archive_has_digest(path: pathlib.Path) -> None:
    tags = re.findall(r"\bnpm\.archive\((.*?)\n *\)", path.read_text(), re.DOTALL)
    assert tags or path.parent != _ROOT
    assert [tag for tag in tags if not _INTEGRITY.search(tag)] == []


@pytest.mark.parametrize("path", _files("go.mod"), ids=_name)
def test_every_module_of_go_has_digest(path: pathlib.Path) -> None:
    text = path.read_text()
    modules = dict(re.findall(r"^\s*(?:require )?(\S+\.\S+/\S+) (v\S+)", text, re.MULTILINE))
    modules |= dict(re.findall(r"^replace \S+ => (\S+) (v\S+)", text, re.MULTILINE))
    sums = path.with_name("go.sum").read_text()
    assert modules
    assert [module for module, version in modules.items() if f"{module} {version} h1:" not in sums] == []


def test_every_call_that_downloads_has_digest() -> None:
    calls = [
        (_name(path), " ".join(match["arguments"].split()))
        for path in _files("*.bzl")
        for match in _DOWNLOAD.finditer(path.read_text())
    ]
    assert len(calls) > len(_UNPINNED)
    bare = {arguments for _, arguments in calls if not re.search(r"\b(?:sha256|integrity) = ", arguments)}
    assert bare == _UNPINNED
