"""Make untrusted text safe to show: terminals obey control characters, and invisible characters mislead readers."""

from __future__ import annotations

import re

# Escape sequences; control characters, except tabs and newlines; characters that are invisible, change the direction
# of text, or are newlines to some terminals.
_UNSAFE = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def printable(output: bytes) -> str:
    """Decode output of many lines, and remove unsafe characters."""
    return _UNSAFE.sub("", output.decode(errors="replace").replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Escape control characters and lone surrogates, so that a text prints as one line.

    Names inside archives are hostile input. Unescaped, a file name could forge lines of a log or send
    escape sequences to a terminal.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
