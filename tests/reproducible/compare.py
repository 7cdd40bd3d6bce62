"""Compare the outputs of two builds, and name the file inside an artefact that differs."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterable

from tests.nested import nested
from tests.reproducible import inside

_LEFT_OUT = re.compile(r"\.runfiles_manifest$|-[0-9]+\.params$")


def outputs(root: pathlib.Path, packages: Iterable[str]) -> dict[str, pathlib.Path]:
    """Find the outputs of a build.

    Args:
        root: the build's `bazel-out`.
        packages: packages of the outputs; subpackages are included.

    Returns:
        Files by their path below `root`, without runfiles, which are links with absolute paths, and without arguments
        of commands (`NAME-0.params`), which Bazel writes only if it runs the action.
    """
    result: dict[str, pathlib.Path] = {}
    wanted = tuple(f"/bin/{package}/" for package in packages)
    for directory, directories, names in os.walk(root):
        directories[:] = [name for name in directories if not name.endswith(".runfiles")]
        for name in names:
            path = pathlib.Path(directory, name)
            relative = str(path.relative_to(root))
            if any(part in f"/{relative}" for part in wanted) and not _LEFT_OUT.search(name):
                result[relative] = path
    return result


def differences(left: dict[str, pathlib.Path], right: dict[str, pathlib.Path], work: pathlib.Path) -> list[str]:
    """Describe the differences of two sets of files.

    Args:
        left: files of the one build by name.
        right: files of the other.
        work: directory for temporary files.

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
