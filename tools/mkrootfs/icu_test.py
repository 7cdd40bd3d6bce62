"""ICU finds the remaining items after some are removed, and nothing moves."""

from __future__ import annotations

import struct

import pytest

from tools.mkrootfs import icu

_ITEMS = {"pkg/a.cnv": b"A" * 16, "pkg/t/b.res": b"B" * 32, "pkg/t/c.res": b"C" * 16, "pkg/z.res": b"Z" * 16}
_HEADER = struct.pack("<HBBHHBBBB4s", 32, 0xDA, 0x27, 20, 0, 0, 0, 2, 0, b"CmnD").ljust(32, b"\0")


def _library() -> bytes:
    count = len(_ITEMS)
    names, lines, items = b"", b"", b""
    first_name = 4 + count * 8
    first_item = first_name + sum(len(name) + 1 for name in _ITEMS)
    for name, content in _ITEMS.items():
        lines += struct.pack("<II", first_name + len(names), first_item + len(items))
        names += name.encode() + b"\0"
        items += content
    # A string that looks like the format precedes it, as it may in the code.
    return b"\x7fELF CmnD ".ljust(64, b"x") + _HEADER + struct.pack("<I", count) + lines + names + items + b"tail"


def _read(data: bytes) -> dict[str, bytes]:
    """Read the archive as ICU does."""
    table = data.index(_HEADER) + 32
    (count,) = struct.unpack_from("<I", data, table)
    found: dict[str, bytes] = {}
    for number in range(count):
        name, start = struct.unpack_from("<II", data, table + 4 + number * 8)
        key = data[table + name : data.index(b"\0", table + name)].decode()
        found[key] = data[table + start : table + start + len(_ITEMS[key])]
    return found


def test_removal_keeps_the_place_of_other_items() -> None:
    before = _library()
    after = icu.without(before, ["a.cnv", "t/**"], "lib")
    assert _read(before) == _ITEMS
    assert _read(after) == {"pkg/z.res": b"Z" * 16}
    assert len(after) == len(before)
    assert (after.startswith(before[:96]), after.endswith(b"Z" * 16 + b"tail")) == (True, True)
    assert not any(content in after for content in (b"AAAA", b"BBBB", b"CCCC"))


def test_one_of_several_items_is_removed() -> None:
    assert list(_read(icu.without(_library(), ["t/b.*"], "lib"))) == ["pkg/a.cnv", "pkg/t/c.res", "pkg/z.res"]


def test_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(icu.IcuError, match="lib: has no item that matches 'x/"):
        icu.without(_library(), ["a.cnv", "x/*"], "lib")


def test_last_item_cannot_be_removed() -> None:
    with pytest.raises(icu.IcuError, match="last item"):
        icu.without(_library(), ["z.res"], "lib")


@pytest.mark.parametrize("data", [b"", b"CmnD", b"\x7fELF".ljust(200, b"\0"), _library()[:96], _library()[:110]])
def test_library_without_data_is_rejected(data: bytes) -> None:
    with pytest.raises(icu.IcuError):
        icu.without(data, ["t/**"], "lib")
