"""Test the reader of JSON files."""

from __future__ import annotations

import pathlib

import pytest

from tools.cli import document, errors

_SCHEMA = document.record(version={"const": 1}, names=document.array(document.TEXT))


def _load(tmp_path: pathlib.Path, text: str) -> object:
    (tmp_path / "file").write_text(text)
    return document.load(tmp_path / "file", _SCHEMA, "list of names", fix="write one")


def test_load_returns_valid_file_with_unknown_properties(tmp_path: pathlib.Path) -> None:
    text = '{"version": 1, "names": ["a"], "more": true}'
    assert _load(tmp_path, text) == {"version": 1, "names": ["a"], "more": True}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "recursion"),
        ("[]", r"\$: \[\] is not of type 'object'"),
        ('{"version": 1}', r"\$: 'names' is a required property"),
        ('{"version": 2, "names": []}', r"\$\.version: 1 was expected"),
        ('{"version": 1, "names": ["a", 1]}', r"\$\.names\[1\]: 1 is not of type 'string'"),
        ('{"version": 1, "names": "' + "a" * 1000 + '"}', r"\$\.names: 'a{180,200}: write one$"),
    ],
)
def test_load_rejects_invalid_files(tmp_path: pathlib.Path, text: str, reason: str) -> None:
    with pytest.raises(errors.InputError, match=reason) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/file: is not a list of names: ")
