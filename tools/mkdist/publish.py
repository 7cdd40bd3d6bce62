"""Copy a distribution to where hosts take it from: all of it, or nothing."""

from __future__ import annotations

import ctypes
import os
import pathlib
import shutil
import tempfile

from tools.mkdist import dist

# renameat2(2): both names change places in one step.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(source: pathlib.Path, target: pathlib.Path) -> None:
    """Make `target` a copy of a distribution.

    Whoever opens a file below `target` meanwhile finds the old distribution whole, or the new one.

    Args:
        source: directory of `//images:dist`.
        target: a directory that does not exist, is empty, or holds an earlier distribution and nothing else; its
            parent exists.

    Raises:
        DistError: `target` is something else, or `source` is not what its manifest says.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise dist.DistError("is not a directory", where=str(target), fix="give --out another name")
    if target.exists():
        _check_replaceable(target, target)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as work:
        fresh = pathlib.Path(work, "new")
        fresh.mkdir()
        fresh.chmod(0o755)
        _copy(source, fresh)
        if target.exists():
            _exchange(fresh, target)
            try:
                # The copy took a while, and what has the name `fresh` now is deleted.
                _check_replaceable(fresh, target)
            except dist.DistError:
                _exchange(fresh, target)
                raise
        else:
            fresh.rename(target)


def _check_replaceable(directory: pathlib.Path, shown: pathlib.Path) -> None:
    """Check that a directory is empty, or holds a distribution and nothing else: replacing it deletes it.

    Args:
        directory: the directory.
        shown: its name for the user.

    Raises:
        DistError: it holds something that is not part of a distribution.
    """
    entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    if not entries:
        return
    fix = "give --out a directory of its own"
    try:
        manifest = dist.load_manifest(directory)
    except dist.DistError as error:
        raise dist.DistError(f"is not an earlier distribution: {error.what}", where=str(shown), fix=fix) from None
    listed = {item["name"] for item in manifest["files"]} | {dist.MANIFEST}
    for entry in entries:
        if entry.name not in listed or not entry.is_file(follow_symlinks=False):
            raise dist.DistError(
                f"holds {entry.name!r}, which its {dist.MANIFEST} does not list", where=str(shown), fix=fix
            )


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    for item in dist.load_manifest(source)["files"]:
        name = item["name"]
        if pathlib.PurePath(name).name != name:
            raise dist.DistError(f"names a file {name!r} outside of its directory", where=str(source / dist.MANIFEST))
        if dist.copy(source / name, target / name) != item:
            raise dist.DistError("is not what the manifest says", where=str(source / name), fix="build it again")
        (target / name).chmod(0o644)
    shutil.copyfile(source / dist.MANIFEST, target / dist.MANIFEST)


def _exchange(one: pathlib.Path, other: pathlib.Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(other))
