"""Test of alias patterns, with the C library's own function as the reference."""

from __future__ import annotations

import ctypes
import time

import hypothesis
import pytest
from hypothesis import strategies

from tools.mkinitramfs import patterns

hypothesis.settings.register_profile("formats", deadline=None, max_examples=500, database=None, derandomize=True)
hypothesis.settings.load_profile("formats")

_FNMATCH = ctypes.CDLL(None).fnmatch
_NAME = strategies.text("abc09_-[]!^\\", max_size=8)
_MEMBER = strategies.sampled_from([*"abc09_!^*?[", "a-c", "0-9", "c-a", r"\]", r"\\", r"\a-c"])
_BRACKETS = strategies.builds(
    "[{}{}{}{}]".format,
    strategies.sampled_from(["", "!", "^"]),
    strategies.sampled_from(["", "]"]),
    strategies.lists(_MEMBER, min_size=1, max_size=3).map("".join),
    strategies.sampled_from(["", "-"]),
)
_ONE = strategies.sampled_from([*"abc09_-]!^*?", r"\*", r"\[", r"\a", r"\\"])
_PATTERN = strategies.lists(_ONE | _BRACKETS, max_size=5).map("".join)


@hypothesis.given(_PATTERN, _NAME)
def test_pattern_matches_like_the_c_library(pattern: str, name: str) -> None:
    assert patterns.matches(pattern, name) == (_FNMATCH(pattern.encode(), name.encode(), 0) == 0)


@hypothesis.given(strategies.text("ab[]!-*\\", max_size=8))
def test_any_pattern_is_accepted(pattern: str) -> None:
    assert patterns.matches(pattern, "") in (True, False)
    assert patterns.matches(patterns.normalise(pattern), pattern) in (True, False)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("usb:v0421p000[0-9]d*", "usb:v0421p0005d0001"),
        ("amba:d???[89ABCDEF]????", "amba:d000B0001"),
        ("of:N*T*Cfoo,bar-baz", "of:NxTyCfoo,bar_baz"),
        ("a-[!b-d]-[^x]", "a_e_y"),
        ("a[-]b", "a-b"),
        ("[]-]x-", "-x_"),
    ],
)
def test_normalised_pattern_keeps_its_ranges(pattern: str, name: str) -> None:
    assert patterns.matches(patterns.normalise(pattern), name)
    assert not patterns.matches(patterns.normalise(pattern), name + "!") or pattern.endswith("*")


def test_many_stars_are_matched_quickly() -> None:
    start = time.process_time()
    assert not patterns.matches("*a" * 50 + "b", "a" * 5000)
    assert time.process_time() - start < 5
