"""Test the functions that make untrusted text safe to show."""

from __future__ import annotations

import pytest

from tools.cli import text


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"plain\ttext\r\n", "plain\ttext\n"),
        (b"\x1b[2J\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;not ended\nnext line", "\nnext line"),
        (b"bell\x07 nul\x00 c1\xc2\x9b", "bell nul c1"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"fake\rline", "fakeline"),
        ("right \u202eto left\u2069 \u200bhidden\u2028".encode(), "right to left hidden"),
    ],
)
def test_printable_removes_unsafe_characters(output: bytes, shown: str) -> None:
    assert text.printable(output) == shown


@pytest.mark.parametrize(
    ("line", "shown"), [("a b", "a b"), ("a\nb\x1b[1m", "a\\nb\\x1b[1m"), ("\u202e\ud800", "\\u202e\\ud800")]
)
def test_one_line_escapes_unsafe_characters(line: str, shown: str) -> None:
    assert text.one_line(line) == shown
