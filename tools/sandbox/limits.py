"""The host's own limits. The limits of both sides are `schema.LIMITS`."""

from __future__ import annotations

RESPONSE = 4 << 20
"""Longest response, in bytes. An agent's longest one is the list of a directory, about a third of that."""

DEPTH = 8
"""Deepest nesting of a response."""

COPY_BYTES = 2 << 30
"""Most bytes of a directory to copy out of a guest: the default size of a disk."""

COPY_ENTRIES = 100_000
"""Most files and directories in such a directory."""

COPY_DEPTH = 128
"""Deepest nesting of directories in such a directory."""
