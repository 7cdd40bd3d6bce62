"""Repository rule: one repository from which all others of the extension are named."""

_DEFS = """\
\"\"\"Labels of trees and packages, so that MODULE.bazel need not name the repository of each.\"\"\"

def debian_repository(repository):
    \"\"\"Returns the canonical name of a repository, with its `@@`.

    Args:
        repository: NAME_ARCHITECTURE, of a request.
    \"\"\"

    # A label of this file's sees all repositories of the extension.
    return str(Label("@{}//:x".format(repository))).partition("//")[0]

def debian_label(repository, target = "packages"):
    \"\"\"Returns the label of a target in a tree or a set of packages.

    Args:
        repository: NAME_ARCHITECTURE, of a request.
        target: name of the target.
    \"\"\"
    return "{}//:{}".format(debian_repository(repository), target)
"""

def _debian_hub_impl(rctx):
    rctx.file("defs.bzl", _DEFS)
    rctx.file("BUILD.bazel", "exports_files([\"defs.bzl\"])\n")

debian_hub = repository_rule(
    doc = "`defs.bzl` has `debian_label(repository, target)` and `debian_repository(repository)`.",
    implementation = _debian_hub_impl,
)
