"""Limits that the host sets itself. Those that both sides keep to are `schema.LIMITS`."""

from __future__ import annotations

RESPONSE = 4 << 20
"""Longest response, in bytes. The longest one of an agent is the list of a directory, about a third of that."""

DEPTH = 8
"""Deepest nesting of a response."""

COPY_BYTES = 2 << 30
"""Most bytes of a directory that is copied out of a guest: what a disk has, unless it was made larger."""

COPY_ENTRIES = 100_000
"""Most files and directories in such a directory."""

COPY_DEPTH = 128
"""Most directories in one another in such a directory."""
