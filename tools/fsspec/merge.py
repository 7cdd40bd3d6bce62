"""Merge described trees."""

from __future__ import annotations

from collections.abc import Iterable

from tools.fsspec import spec
from tools.fsspec.tree import Entry, Tree

_MACHINE_CODE = (b"\x7fELF", b"!<arch>\n", b"!<thin>\n")
"""Magic numbers of ELF files and of archives of them."""

_MODULES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")


def load_into(tree: Tree, spec_paths: Iterable[str], architecture: str | None, *, partial: bool = False) -> None:
    """Add the entries of JSON files to a tree, in the order given.

    Args:
        tree: the tree to add to.
        spec_paths: the JSON files.
        architecture: architecture of the tree; None accepts every one.
        partial: whether the tree is a part of another, with entries that this one may replace. Its files need not exist
            yet.

    Raises:
        SpecError: a file is of another architecture, malformed, or describes a packed tree or machine code.
        TreeError: an entry conflicts with another.
    """
    for path in spec_paths:
        described = spec.load(path)
        if described.archive is not None:
            raise spec.SpecError("describes a packed tree, which cannot be merged into another", where=path)
        if architecture and described.architecture not in (None, architecture):
            raise spec.SpecError(
                f"is of architecture {described.architecture}, but the image of {architecture}",
                where=path,
                fix="use the spec of the image's architecture",
            )
        for item in described.items:
            if not partial:
                _refuse_machine_code(item.entry, path)
            replace = item.replace and not (partial and item.entry.path not in tree)
            tree.add(item.entry, replace=replace)


def _refuse_machine_code(entry: Entry, where: str) -> None:
    """Reject machine code in a spec: nothing would check its architecture."""
    if entry.content is None:
        return
    with entry.content.open() as stream:
        start = stream.read(8)
    if start.startswith(_MACHINE_CODE) or entry.path.endswith(_MODULES):
        raise spec.SpecError(
            f"{entry.path} is machine code, which a spec must not contain",
            where=where,
            fix="build it as a guest_binary, or take it from a package",
        )
