"""Repository rule: one repository that resolves the names of all others of the extension."""

_DEFS = """\
\"\"\"Labels of trees and packages, so that MODULE.bazel need not list every repository.\"\"\"

_REPOSITORIES = {repositories}

def debian_repository(repository):
    \"\"\"Return the canonical name of a repository, with its `@@`.

    Args:
        repository: NAME_ARCHITECTURE, of a request.
    \"\"\"
    if repository not in _REPOSITORIES:
        # A module that depends on this one lacks the trees of its tests: report the error at the use, not here.
        return "@" + repository

    # A label in this file can name all repositories of the extension.
    return str(Label("@{{}}//:x".format(repository))).partition("//")[0]

def debian_label(repository, target = "packages"):
    \"\"\"Return the label of a target in a tree or a set of packages.

    Args:
        repository: NAME_ARCHITECTURE, of a request.
        target: name of the target.
    \"\"\"
    return "{{}}//:{{}}".format(debian_repository(repository), target)
"""

def _debian_hub_impl(rctx):
    rctx.file("defs.bzl", _DEFS.format(repositories = json.encode_indent(rctx.attr.repositories, indent = "    ")))
    rctx.file("BUILD.bazel", "exports_files([\"defs.bzl\"])\n")

debian_hub = repository_rule(
    doc = "`defs.bzl` has `debian_label(repository, target)` and `debian_repository(repository)`.",
    implementation = _debian_hub_impl,
    attrs = {"repositories": attr.string_list(doc = "Names of all repositories of the extension.", mandatory = True)},
)
