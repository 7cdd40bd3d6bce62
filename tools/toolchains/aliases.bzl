"""Macro: targets in the tree of the execution platform."""

load("@debian//:defs.bzl", "debian_label")
load("//tools/platforms:architectures.bzl", "ARCHITECTURES")

def tree_aliases(tree, targets, **kwargs):
    """Declare aliases for targets in a tree of packages, for the architecture of their platform.

    Bazel builds the programs of actions and tests for the execution platform.

    Args:
        tree: name of a `debian.tree`.
        targets: dict from name to the target in the tree; a list if the two are equal.
        **kwargs: attributes of every alias.
    """
    for name, target in (targets.items() if type(targets) == "dict" else zip(targets, targets)):
        native.alias(
            name = name,
            actual = select({
                "@platforms//cpu:" + architecture: debian_label("{}_{}".format(tree, architecture), target)
                for architecture in ARCHITECTURES
            }),
            **kwargs
        )
