"""A test proves every sentence of README.md about installation, downloads, pins and the build host."""

from __future__ import annotations

import re

import pytest

from docs import claims, documents

_ROOT = documents.workspace()
_END = re.compile(r"(?<=[.:])\s+(?=[A-Z`])")


def _sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph that the table covers."""
    found: list[str] = []
    for start in claims.PARAGRAPHS:
        (paragraph,) = re.findall(rf"^{re.escape(start)}.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
        found += _END.split(" ".join(paragraph.split()))
    return found


def test_table_has_every_sentence() -> None:
    assert _sentences((_ROOT / "README.md").read_text()) == [*claims.CLAIMS]


@pytest.mark.parametrize("test", sorted({test for tests in claims.CLAIMS.values() for test in tests}))
def test_named_test_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name}(" in (_ROOT / path).read_text()
    # Some macros add the suffix.
    assert f'"{(_ROOT / path).stem.removesuffix("_test")}' in (_ROOT / path).with_name("BUILD.bazel").read_text()
