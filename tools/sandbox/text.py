"""What comes out of a guest, made safe to show."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(output: bytes) -> str:
    """Makes guest output safe to show: control characters and escape sequences are dropped."""
    return _CONTROL.sub("", output.decode(errors="replace").replace("\r\n", "\n"))
