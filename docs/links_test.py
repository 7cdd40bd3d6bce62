"""Links of the documents lead to existing files and headings."""

from __future__ import annotations

import pathlib
import re

import pytest

from docs import documents

_ROOT = documents.workspace()
_DOCUMENTS = [*documents.documents(_ROOT)]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"`((?:agents|docs|images|tests|tools)/[\w./-]+)`")
_TEST = re.compile(r"`(test_\w+)`")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def _name(path: pathlib.Path) -> str:
    return str(path.relative_to(_ROOT))


def _anchors(text: str) -> set[str]:
    """Return GitHub's anchors of a document's headings."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {
        "".join(c for c in name.lower().replace(" ", "-") if c.isalnum() or c in "-_")
        for name in _HEADING.findall(text)
    }


def test_documents_are_found() -> None:
    names = {_name(path) for path in _DOCUMENTS}
    assert {"CONTRIBUTING.md", "README.md", "agents/README.md", "docs/design.md", "docs/rules.md"} <= names


def test_anchors_are_those_of_github() -> None:
    assert _anchors("# A b: `//x/y_z:w`\n\n```sh\n# no heading\n```\n") == {"a-b-xy_zw"}


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_name)
def test_links_lead_to_files_and_headings(document: pathlib.Path) -> None:
    broken: list[str] = []
    for link in _LINK.findall(document.read_text()):
        path, _, anchor = str(link).partition("#")
        target = document.parent / path if path else document
        if "://" in link or target.is_dir() and not anchor:
            continue
        if not target.is_file() or anchor and anchor not in _anchors(target.read_text()):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_name)
def test_named_files_exist(document: pathlib.Path) -> None:
    files: list[str] = _FILE.findall(document.read_text())
    assert [name for name in files if not (_ROOT / name).exists()] == []


def test_named_tests_exist() -> None:
    tests = [path.read_text() for directory in ("tests", "tools") for path in (_ROOT / directory).rglob("*_test.py")]
    named = {name for path in _DOCUMENTS for name in _TEST.findall(path.read_text())}
    assert "test_no_root_disk" in named
    assert [name for name in sorted(named) if not any(f"def {name}(" in text for text in tests)] == []
