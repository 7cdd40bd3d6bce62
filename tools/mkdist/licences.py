"""Check SPDX licence expressions, and read them from Debian's machine-readable copyright files (DEP-5).

A copyright file describes the source of a package: the licence of each of its files. Some of Debian's short names are
not SPDX identifiers. A name without a counterpart becomes a `LicenseRef-` with the text of the copyright file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping

from packaging import licenses

_EXPRESSION_MAX = 1000
_FORMAT = re.compile(r"https?://www\.debian\.org/doc/packaging-manuals/copyright-format/1\.0/?", re.ASCII)
_FIELD = re.compile(r"([!-9;-~]+):(.*)", re.ASCII)
# "and" binds tighter than "or", and both bind tighter than an operator after a comma.
_COMMA = re.compile(", (and|or) ", re.IGNORECASE)
_OR = re.compile(" or ", re.IGNORECASE)
_AND = re.compile(" and ", re.IGNORECASE)
_WITH = re.compile(r"(\S+) with (\S+) exception", re.IGNORECASE)
_GNU = re.compile(r"(AGPL|GPL|LGPL|GFDL)(-NIV)?-([0-9])(\.[0-9])?(\+?)", re.IGNORECASE | re.ASCII)
# SPDX's list has neither a LicenseRef- nor, except in retired names of GNU's licences, a plus sign.
_UNDEFINED = re.compile(r"LicenseRef-|(?<!GPL-[0-9]\.[0-9])\+", re.IGNORECASE | re.ASCII)
_ALIASES = {"cc0": "CC0-1.0", "expat": "MIT", "openldap-2.8": "OLDAP-2.8"}


@dataclasses.dataclass(frozen=True)
class Licence:
    """A licence of a copyright file.

    Attributes:
        name: its short name, such as `GPL-2+ with Texinfo exception`.
        text: its text; empty if the file has none.
    """

    name: str
    text: str


def expression(text: str) -> str:
    """Return an SPDX expression in canonical spelling, or "" unless SPDX's list defines all of its identifiers."""
    if not text or len(text) > _EXPRESSION_MAX or _UNDEFINED.search(text):
        return ""
    try:
        return str(licenses.canonicalize_license_expression(text))
    except ValueError:
        return ""


def declared(text: str, reference: Callable[[Licence], str]) -> str:
    """Read the licence of a package from its copyright file.

    Args:
        text: content of the file.
        reference: returns the `LicenseRef-` identifier of a licence that SPDX does not list.

    Returns:
        The conjunction of the licences of all files of the source package, as an SPDX expression; "" if the file is not
        machine-readable.
    """
    paragraphs = list(_paragraphs(text))
    if not paragraphs or not _FORMAT.fullmatch(paragraphs[0].get("format", "")):
        return ""
    texts: dict[str, str] = {}
    names: set[str] = set()
    for paragraph in paragraphs:
        first, _, body = paragraph.get("license", "").partition("\n")
        name = " ".join(first.split())
        if body:
            texts.setdefault(name.lower(), body)
        if name and "files" in paragraph:
            names.add(name)

    def identifier(name: str) -> str:
        return _listed(name) or reference(Licence(name, texts.get(name.lower(), "")))

    found = [_translated(name, identifier) for name in sorted(names)]
    # A licence may occur in several conjunctions.
    terms = {term for item in found for term in ([item] if " OR " in item else item.split(" AND "))}
    return " AND ".join(map(_grouped, sorted(terms))) if len(terms) > 1 else "".join(terms)


def _paragraphs(text: str) -> Iterator[Mapping[str, str]]:
    """Split a file into paragraphs of fields, by name in lower case. Skip lines outside of fields."""
    lines: dict[str, list[str]] = {}
    last: list[str] = []
    for line in (*text.removeprefix("\ufeff").splitlines(), ""):
        if not line.strip():
            if lines:
                yield {name: "\n".join(value).strip() for name, value in lines.items()}
            lines, last = {}, []
        elif line.startswith((" ", "\t")):
            last.append("" if line.strip() == "." else line[1:])
        elif match := _FIELD.fullmatch(line):
            last = lines.setdefault(match[1].lower(), [])
            last.append(match[2])


def _translated(name: str, identifier: Callable[[str], str]) -> str:
    first, *rest = _COMMA.split(name)
    result = _alternatives(first, identifier)
    for operator, part in zip(rest[::2], rest[1::2], strict=True):
        result = f"{_grouped(result)} {operator.upper()} {_grouped(_alternatives(part, identifier))}"
    return result


def _alternatives(name: str, identifier: Callable[[str], str]) -> str:
    return " OR ".join(" AND ".join(map(identifier, _AND.split(part))) for part in _OR.split(name))


def _grouped(text: str) -> str:
    return f"({text})" if " OR " in text else text


def _listed(name: str) -> str:
    """Return the SPDX expression of one licence, with or without an exception; "" if SPDX does not list it."""
    if match := _WITH.fullmatch(name):
        licence = _listed(match[1])
        found = [expression(f"{licence} WITH {match[2]}{end}") for end in ("", "-exception")] if licence else []
        return next(filter(None, found), "")
    if name.lower() in _ALIASES:
        return _ALIASES[name.lower()]
    if match := _GNU.fullmatch(name):
        family, invariants, major, minor, later = match.groups("")
        variant = "-no-invariants" if invariants else ""
        name = f"{family}-{major}{minor or '.0'}{variant}-{'or-later' if later else 'only'}"
    # Debian writes BSL-1 for BSL-1.0.
    return "" if " " in name else expression(name) or expression(f"{name}.0")
