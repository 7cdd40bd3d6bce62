"""Licences: SPDX expressions, and the contents of Debian's copyright files."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spdx_tools.common import spdx_licensing

from tools.mkdist import licences
from tools.mkdist.licences import Licence

# It has no types.
_SPDX: Any = spdx_licensing.spdx_licensing

_HEADER = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


def _declared(text: str) -> tuple[str, list[Licence]]:
    unlisted: list[Licence] = []

    def reference(licence: Licence) -> str:
        if licence not in unlisted:
            unlisted.append(licence)
        return f"LicenseRef-{unlisted.index(licence)}"

    return licences.declared(text, reference), unlisted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit OR apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-2.0+ with classpath-exception-2.0", "GPL-2.0+ WITH Classpath-exception-2.0"),
        ("", ""),
        ("UNLICENSED", ""),
        ("MIT AND", ""),
        ("((MIT)", ""),
        ("Apache-2.0+", ""),
        ("LicenseRef-Ours", ""),
        ("(" * 5000, ""),
    ],
)
def test_expression_is_canonical_or_empty(text: str, expected: str) -> None:
    assert licences.expression(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Expat", "MIT"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("Apache-2", "Apache-2.0"),
        ("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note"),
        ("GPL-2+ with Libtool exception", "GPL-2.0-or-later WITH Libtool-exception"),
        ("GPL-1+ or Artistic-1", "GPL-1.0-or-later OR Artistic-1.0"),
        ("ISC and Expat or Zlib", "ISC AND MIT OR Zlib"),
        ("GPL-3+ or Zlib, and X11", "(GPL-3.0-or-later OR Zlib) AND X11"),
    ],
)
def test_short_name_becomes_an_spdx_identifier(name: str, expected: str) -> None:
    found, unlisted = _declared(f"{_HEADER}\nFiles: *\nLicense: {name}\n")
    assert (found, unlisted) == (expected, [])
    assert _SPDX.validate(found, strict=True).errors == []


def test_licences_of_all_files_are_joined_without_duplicates() -> None:
    text = (
        f"{_HEADER}\nFiles: *\nLicense: ISC and Expat\n\nFiles: a\nLicense: Expat\n\nFiles: b\nLicense: X11 or Zlib\n"
    )
    assert _declared(text) == ("ISC AND MIT AND (X11 OR Zlib)", [])


def test_unlisted_licence_refers_to_its_text() -> None:
    text = (
        f"{_HEADER}License: GPL-2+\n\nFiles: *\nLicense: GPL-2+ with odd exception or Own\n\nFiles: a\nLicense: Own\n\n"
        "License: GPL-2+ with Odd exception\n You may.\n .\n Or not.\n\nLicense: Own\n\tOurs.\n"
    )
    assert _declared(text) == (
        "(LicenseRef-0 OR LicenseRef-1) AND LicenseRef-1",
        [Licence("GPL-2+ with odd exception", "You may.\n\nOr not."), Licence("Own", "Ours.")],
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "This package was debianized by somebody.\n\nLicense: MIT\n",
        "Format: http://svn.debian.org/wsvn/dep/web/deps/dep5.mdwn?rev=174\n\nFiles: *\nLicense: MIT\n",
        f"{_HEADER}\nFiles: *\nCopyright: somebody\n",
    ],
)
def test_file_that_is_not_machine_readable_declares_nothing(text: str) -> None:
    assert _declared(text) == ("", [])


@given(st.lists(st.text(alphabet=" ,()+-.\n\tMITGPL23andorwithexception", max_size=40), max_size=8))
def test_any_file_gives_a_valid_expression(fields: list[str]) -> None:
    paragraphs = "\n\n".join(f"Files: *\nLicense: {field}" for field in fields)
    found, unlisted = _declared(f"{_HEADER}\n{paragraphs}\n")
    if found:
        unknown: set[str] = set(_SPDX.validate(found, strict=False).invalid_symbols)
        assert unknown <= {f"LicenseRef-{number}" for number in range(len(unlisted))}
        assert str(_SPDX.parse(found))
