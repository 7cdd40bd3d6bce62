"""What the language server of Starlark has to know of the workspace's Bazel.

The server calls a program `bazel`, and looks for the repository of `@name//…` in the folder `name` below `external` of
the output base. Bazel's own folder there has the repositories by their canonical names, which no file says. They are
read off that folder: below bubblewrap, where the Bazel that `./bazelw` assembles starts programs, there is no Bazel to
ask.
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
from collections.abc import Mapping


def seen_outside(path: pathlib.Path, mounts: str) -> pathlib.Path:
    """Returns where a file lies for programs that are not below bubblewrap, as editors.

    The Bazel that `./bazelw` assembles has rule sets in a `/usr` of its own.

    Args:
        path: the file.
        mounts: what `/proc/self/mountinfo` says.
    """
    # Device, the folder of it that is seen, and where.
    rows = [(row[2], pathlib.Path(row[3]), pathlib.Path(row[4])) for row in map(str.split, mounts.splitlines())]
    under = [row for row in rows if path.is_relative_to(row[2])]
    device, part, place = max(under, key=lambda row: len(row[2].parts), default=("", pathlib.Path(), path))
    for other, whole, where in rows:
        if other == device and (whole, where) != (part, place) and part.is_relative_to(whole):
            found = where / part.relative_to(whole) / path.relative_to(place)
            if found.exists():
                return found
    return path


def repository_mapping(external: pathlib.Path) -> dict[str, str]:
    """Returns the canonical name of each repository that is there by the name that files of the workspace have for it.

    Args:
        external: Bazel's folder of repositories.
    """
    mapping = {"sandbox_images": ""}
    for path in sorted(external.iterdir()):
        # MODULE~VERSION, or MODULE~VERSION~EXTENSION~NAME; newer Bazels have a plus.
        module, *rest = re.split("[~+]", path.name)
        if path.is_dir():
            mapping[rest[-1] if len(rest) > 1 else module] = path.name
    return mapping


def link_repositories(output_base: pathlib.Path, mapping: Mapping[str, str], workspace: pathlib.Path) -> pathlib.Path:
    """Makes a folder that has the repositories by the names that the workspace's own files use.

    Args:
        output_base: Bazel's.
        mapping: name of each repository, as files of the workspace say it, to its canonical name.
        workspace: root of the workspace, whose canonical name is empty.

    Returns:
        What the server is to take for the output base. It is in the true one, for definitions that an editor shows have
        paths in it, and the two disappear together.
    """
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    made = output_base / "editors"
    external = made / "external"
    external.mkdir(parents=True, exist_ok=True)
    for name, canonical in mapping.items():
        if not name:
            continue
        target = output_base / "external" / canonical if canonical else workspace
        # That of a module which is overridden by a folder is a link to the folder.
        if target.is_symlink():
            target = seen_outside(target.resolve(), mounts)
        link = external / name
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return made


def write_bazel(path: pathlib.Path, workspace: pathlib.Path, output_base: pathlib.Path) -> None:
    """Writes the program that the server calls as `bazel`.

    Args:
        path: where to write it.
        workspace: root of the workspace, whose Bazel does all but `info`.
        output_base: what `info` says.
    """
    path.write_text(
        f"#!/bin/sh\n"
        f'if [ "$1" = info ]; then\n'
        f"  echo {shlex.quote(f'execution_root: {output_base}/execroot/_main')}\n"
        f"  echo {shlex.quote(f'output_base: {output_base}')}\n"
        f"  exit\n"
        f"fi\n"
        # Not this program again.
        f"PATH={shlex.quote(os.environ.get('PATH', os.defpath))}\n"
        f'exec {shlex.quote(str(workspace / "bazelw"))} "$@"\n'
    )
    path.chmod(0o755)
