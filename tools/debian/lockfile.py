"""The lock file: the pinned packages of one request."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from tools.debian import apt_root

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Request:
    """The content of a tag in MODULE.bazel.

    Attributes:
        name: the tag's name.
        suite: Debian suite.
        architectures: architectures, as in @platforms//cpu.
        packages: package names.
        closure: whether to add dependencies.
        exclude: packages to exclude from the closure.
        lock: path of the lock file, relative to the workspace.
    """

    name: str
    suite: str
    architectures: tuple[str, ...]
    packages: tuple[str, ...]
    closure: bool
    exclude: tuple[str, ...]
    lock: str


def read_requests(path: pathlib.Path) -> dict[str, Request]:
    """Read the requests that the module extension wrote, by name."""
    return {
        name: Request(
            name=name,
            suite=value["suite"],
            architectures=tuple(value["architectures"]),
            packages=tuple(value["packages"]),
            closure=value["closure"],
            exclude=tuple(value["exclude"]),
            lock=value["lock"],
        )
        for name, value in json.loads(path.read_text()).items()
    }


def render(
    request: Request,
    packages: Mapping[str, Sequence[apt_root.Package]],
    releases: Mapping[str, str],
) -> str:
    """Render a lock file.

    Args:
        request: the request that the lock answers.
        packages: package files, by architecture as in @platforms//cpu.
        releases: dates of the Release files that were read, by suite.

    Returns:
        The file's text: JSON, deterministic.
    """
    document: dict[str, Any] = {
        "comment": f"Written by: bazel run @sandbox_images//:lock -- --only={request.name}",
        "packages": {
            architecture: [dataclasses.asdict(package) for package in sorted(found)]
            for architecture, found in sorted(packages.items())
        },
        "releases": dict(sorted(releases.items())),
        "request": {
            "architectures": sorted(request.architectures),
            "closure": request.closure,
            "exclude": sorted(request.exclude),
            "packages": sorted(request.packages),
            "suite": request.suite,
        },
        "version": VERSION,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def write(path: pathlib.Path, text: str) -> bool:
    """Write a lock file atomically, unless only the Release dates would change.

    Returns:
        Whether the file was written.
    """
    if path.exists():
        try:
            old, new = json.loads(path.read_text()), json.loads(text)
        except ValueError:
            old, new = None, {}
        if old is not None and {**old, "releases": None} == {**new, "releases": None}:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, prefix=path.name) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
    return True
