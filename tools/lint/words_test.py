"""The texts of the workspace follow the word list."""

from __future__ import annotations

import pathlib

import pytest

from tools.lint import words

_WORKSPACE = pathlib.Path("MODULE.bazel").resolve().parent


def test_workspace_has_no_phrase_of_the_list() -> None:
    found = [str(finding) for path, text in words.files(_WORKSPACE) for finding in words.find(path, text)]
    assert not found, "\n".join([*found, "CONTRIBUTING.md has the rules; tools/lint/words.py has the list"])


def test_every_root_is_read() -> None:
    assert {path.partition("/")[0] for path, _ in words.files(_WORKSPACE)} == set(words.ROOTS)


def test_every_exception_is_used() -> None:
    texts = dict(words.files(_WORKSPACE))
    assert not [key for key in words.ALLOWED if key[1] not in texts[key[0]]]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("a folder", "folder"),
        ("a version that is not to be had", "to be had"),
        ("written anew", "anew"),
        ("which a sandbox has not", "has not"),
        ("It has not both markers.", "has not"),
        ("DistError: it is none.", "is none"),
        ("a process of its own", "of its own"),
        ("libraries besides the usual ones", "besides"),
        ("renews the lock", "renews"),
        ("workers of a farm", "farm"),
        ("the machine that builds", "machine that builds"),
        ("it overwrites them without a word", "without a word"),
        ("the task to whom it belongs", "whom"),
        ('"""What is unpacked."""', "What is"),
        ("ends there. Who opens it finds the old one.", "Who opens"),
        ("## What goes wrong", "What goes"),
    ],
)
def test_find_reports_phrase_and_line(text: str, phrase: str) -> None:
    (finding,) = words.find("tools/x.py", f"\n{text}\n")
    assert (finding.path, finding.line, finding.phrase) == ("tools/x.py", 2, phrase)
    assert str(finding).startswith(f"tools/x.py:2: {phrase!r}: write ")


@pytest.mark.parametrize(
    "text",
    [
        "The guest has not answered.",
        "no file has been read, and none has not yet ended",
        "there is none",
        '"workspaceFolder": "/work"',
        "beside the lock",
        "What is the exit code?",
        "the program says what it found",
    ],
)
def test_find_ignores_other_uses(text: str) -> None:
    assert not list(words.find("tools/x.py", text))


def test_allowed_phrase_is_allowed_in_its_file_alone() -> None:
    text = 'No sentence begins with "What is of …".'
    assert not list(words.find("CONTRIBUTING.md", text))
    assert list(words.find("README.md", text))
