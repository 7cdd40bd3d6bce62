"""A page stands alone, and shows any text as text."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.page import page
from tools.page.page import Cell
from tools.page.page_testing import Reader, check_alone

_HOSTILE = "</script><script>alert(1)</script>\" onload='x' \x1b[2J\u202e\udc80\0"


@pytest.mark.parametrize("script", [False, True])
def test_page_takes_nothing_from_elsewhere(script: bool) -> None:
    check_alone(Reader(page.render("title", ["<p>text</p>"], script=script)))


def test_policy_names_the_digests_of_style_and_script() -> None:
    text = page.render("title", [], script=True)
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text


def test_page_without_treemaps_has_no_script() -> None:
    text = page.render("title", [])
    assert "<script" not in text and "script-src" not in text


def test_hostile_text_stays_text() -> None:
    cell = Cell(_HOSTILE, link=_HOSTILE)
    body = [*page.table([cell], [[cell]], name=_HOSTILE), *page.definitions([(_HOSTILE, _HOSTILE)])]
    text = page.render(_HOSTILE, [*body, page.preformatted(f"{_HOSTILE}\nline\t2")])
    read = Reader(text)
    text.encode()
    check_alone(read)
    assert "script" not in {tag for tag, _ in read.elements}
    assert read.text.count("<script>alert(1)</script>") == 6
    assert not {"\x1b", "\u202e", "\0"} & set(text)
    assert "\nline    2" in read.text


@settings(deadline=None, max_examples=200, database=None, derandomize=True)
@given(st.text())
def test_escaped_text_has_no_markup(text: str) -> None:
    escaped = page.escape(text)
    assert not set(escaped) & set("<>\"'\0")
    escaped.encode()
