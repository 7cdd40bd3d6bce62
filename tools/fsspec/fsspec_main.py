"""Validate filesystem specs together and list the resulting tree."""

from __future__ import annotations

from absl import flags

from tools.cli import cli
from tools.fsspec import listing, merge
from tools.fsspec.tree import Tree
from tools.platforms.architectures import ARCHITECTURES

_SPECS = flags.DEFINE_multi_string(
    "spec",
    None,
    "JSON file of a spec. Repeatable; entries of later specs may replace earlier ones.",
    required=True,
)
_ARCHITECTURE = flags.DEFINE_enum("architecture", None, sorted(ARCHITECTURES), "Architecture that every spec must fit.")
_PARTIAL = flags.DEFINE_bool("partial", False, "Accept replacements of entries that no spec contains.")
_LISTING = flags.DEFINE_string("listing", None, "Output: the listing.", required=True)


def main() -> None:
    """Read the specs, write the listing."""
    tree = Tree()
    merge.load_into(tree, _SPECS.value, _ARCHITECTURE.value, partial=_PARTIAL.value)
    cli.write_text(_LISTING.value, listing.render(tree.finish()))


if __name__ == "__main__":
    cli.run(main)
