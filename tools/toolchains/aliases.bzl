"""Macro: what is in the tree of the machine that runs actions."""

load("@debian//:defs.bzl", "debian_label")

def tree_aliases(tree, targets, **kwargs):
    """Declare targets that are those of a tree of packages, for the architecture of the platform that they are built for.

    What runs in actions or tests is built for the execution platform.

    Args:
        tree: name of a `debian.tree`.
        targets: dict from name to the target in the tree; a list where the two are the same.
        **kwargs: attributes of every alias.
    """
    for name, target in (targets.items() if type(targets) == "dict" else zip(targets, targets)):
        native.alias(
            name = name,
            actual = select({
                "@platforms//cpu:" + architecture: debian_label("{}_{}".format(tree, architecture), target)
                for architecture in ["aarch64", "x86_64"]
            }),
            **kwargs
        )
