"""Test of the comparison of versions. tests/dpkg compares it with dpkg's own."""

from __future__ import annotations

import pytest

from tools.packages import relations

# Each version is older than the next.
ORDER = [
    "0~~",
    "0~~a",
    "0~",
    "0",
    "0+",
    "0.0",
    "1~rc1-1",
    "1",
    "1-0.1",
    "1-1",
    "1-1+b2",
    "1a",
    "1+",
    "1-1-1",
    "1.2",
    "1.10",
    "9999999999999999999999",
    "1:0",
]


@pytest.mark.parametrize(("one", "other"), [(a, b) for a in range(len(ORDER)) for b in range(len(ORDER))])
def test_versions_are_ordered(one: int, other: int) -> None:
    found = relations.compare(ORDER[one], ORDER[other])
    assert (found > 0) - (found < 0) == (one > other) - (one < other)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.00"), ("0:1", "1"), ("1", "1-0"), ("1.a0", "1.a")])
def test_versions_are_equal(one: str, other: str) -> None:
    assert relations.compare(one, other) == 0
