"""Add guest binaries to a packed root file system.

They change with every line of an agent, and the rest of an image does not.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from tools.elfcheck import elfcheck
from tools.fsspec import paths
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind


def entries(binaries: Mapping[str, str], architecture: str) -> list[Entry]:
    """Read guest binaries.

    Args:
        binaries: path in the image to path of a static program.
        architecture: the required architecture.

    Returns:
        Their entries, 0755 of root, in order.

    Raises:
        ElfError: one is not a static program, or is of another architecture.
        PathError: a path in the image is malformed.
    """
    found: list[Entry] = []
    for path, source in binaries.items():
        data = pathlib.Path(source).read_bytes()
        elfcheck.check(data, architecture, elfcheck.Kind.STATIC_EXECUTABLE, where=source)
        entry = Entry(
            path=paths.normalise(path, "guest binary"), kind=Kind.FILE, mode=0o755, content=Inline(data), origin=source
        )
        found.append(entry)
    return sorted(found, key=lambda entry: paths.encode(entry.path))
