"""Limits of the wire, as the guest promises to keep them: `docs/protocol.md`. The host enforces them."""

from __future__ import annotations

REQUEST = 16 << 20
"""Longest request, in bytes."""

ANSWER = 4 << 20
"""Longest answer, in bytes. The longest one of an agent is a folder's list, about a third of that."""

DEPTH = 8
"""Deepest nesting of an answer."""

OP_ID = 128
"""Longest op_id, in bytes."""

STREAMS = {"stdout": 1_000_000, "stderr": 100_000}
"""Most characters of output of a program without a terminal. A byte becomes at most one character."""

FILE = 500 << 20
"""Most bytes of a file."""

PIECE = 128 << 10
"""Most bytes of a file in one message."""

INPUT = 1 << 20
"""Most bytes that wait for a program to read them."""

PROGRAMS = 8
"""Most programs at the same time."""

FILES = 8
"""Most files at the same time, in each direction."""

TEXT = 64 << 10
"""Longest text of an answer that is neither output nor a file, in characters."""

COPY_BYTES = 2 << 30
"""Most bytes of a folder that is copied out of a guest: what a disk has, unless it was made larger."""

COPY_ENTRIES = 100_000
"""Most files and folders in such a folder."""

COPY_DEPTH = 128
"""Most folders in one another in such a folder."""
