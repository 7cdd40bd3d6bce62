"""Do what installers of wheels and npm packages do after unpacking, and log what has no effect here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from tools.cli import errors
from tools.fsspec import content
from tools.fsspec.tree import Entry, Tree
from tools.mkrootfs import exclusions, variants
from tools.npm import dependencies
from tools.npm.package import LIBRARY, NpmPackage
from tools.packages.deb import Deb
from tools.wheels.wheel import Wheel


class DependencyError(errors.InputError):
    """An npm package whose dependency the image lacks."""


def select(entries: list[Entry], package: Deb | Wheel | NpmPackage, tree: Tree, architecture: str) -> list[Entry]:
    """Exclude the parts of a wheel or npm package that are for other systems, and log them.

    Wheels may share a file of the same bytes, such as the `__init__.py` of a namespace.

    Args:
        entries: the package's entries, except those that the image excludes.
        package: the package; a Debian package is for one system.
        tree: the image so far.
        architecture: the image's architecture.

    Raises:
        InputError: the package is only for other systems, or damaged.
    """
    if isinstance(package, Deb):
        return entries
    choice = variants.choose(entries, architecture, str(package))
    systems = [f"{path}, {what}" for path, what in choice.left_out.items()]
    _log(package, "excluded machine code for other systems", systems)
    if isinstance(package, Wheel):
        return [entry for entry in choice.entries if not _is_same_file(tree.get(entry.path), entry)]
    _log(package, "excluded entries that npm does not unpack either", package.left_out)
    _log(package, "did not run scripts that npm runs", package.scripts)
    return choice.entries


def _is_same_file(known: Entry | None, entry: Entry) -> bool:
    return (
        known is not None
        and known.content is not None
        and entry.content is not None
        and (known.mode, known.content.size) == (entry.mode, entry.content.size)
        and content.read(known.content) == content.read(entry.content)
    )


def check_dependencies(tree: Tree, packages: Iterable[object], allowed: Iterable[str]) -> None:
    """Check that the image contains all dependencies of its npm packages.

    Args:
        tree: the image.
        packages: its packages, of all kinds.
        allowed: patterns of package.json files whose dependencies may be missing.

    Raises:
        DependencyError: a dependency is missing.
    """
    patterns = [exclusions.translate(pattern) for pattern in allowed]
    absent = [
        f"{path} ({package}) needs {name}"
        for package in packages
        if isinstance(package, NpmPackage)
        for path, name in dependencies.missing(f"{LIBRARY}/{package.name}", package.dependencies, tree.__contains__)
        if not any(pattern.fullmatch(path) for pattern in patterns)
    ]
    if absent:
        raise DependencyError(
            f"{absent[0]}, which no npm package of the image contains{_more(absent)}",
            fix="add it to npm_packages, take a version that bundles it, or allow the file to miss it "
            "(allow_missing_libraries)",
        )


def _log(package: Wheel | NpmPackage, what: str, names: Sequence[str]) -> None:
    if names:
        print(errors.one_line(f"mkrootfs: {package}: {what}: {names[0]}{_more(names)}"), file=sys.stderr)


def _more(names: Sequence[str]) -> str:
    return f", and {len(names) - 1} more" if len(names) > 1 else ""
