"""Compares the outputs of two builds, and says which file inside which artefact differs."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterable

from tests.nested import nested
from tests.reproducible import inside

_LEFT_OUT = re.compile(r"\.runfiles_manifest$|-[0-9]+\.params$")


def outputs(root: pathlib.Path, packages: Iterable[str]) -> dict[str, pathlib.Path]:
    """Finds what a build made.

    Args:
        root: the build's `bazel-out`.
        packages: packages whose outputs are wanted, those below them included.

    Returns:
        Files by their path below `root`. Directories of runfiles are left out: they are links with whole paths. So are
        the arguments of commands (`NAME-0.params`): Bazel writes them where it runs an action, and not where a cache
        has the outputs.
    """
    result: dict[str, pathlib.Path] = {}
    wanted = tuple(f"/bin/{package}/" for package in packages)
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.endswith(".runfiles")]
        for name in names:
            path = pathlib.Path(folder, name)
            relative = str(path.relative_to(root))
            if any(part in f"/{relative}" for part in wanted) and not _LEFT_OUT.search(name):
                result[relative] = path
    return result


def differences(left: dict[str, pathlib.Path], right: dict[str, pathlib.Path], work: pathlib.Path) -> list[str]:
    """Says how two sets of files differ.

    Args:
        left: files of the one build by name.
        right: files of the other.
        work: folder for what is unpacked on the way.

    Returns:
        A line for each difference; none if both builds made the same.
    """
    result: list[str] = []
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            result.append(f"{name}: is only in the {'second' if name not in left else 'first'} build")
        elif nested.digest(left[name]) != nested.digest(right[name]):
            result += [f"{name}: {line}" for line in inside.explain(left[name], right[name], work)]
    return result
