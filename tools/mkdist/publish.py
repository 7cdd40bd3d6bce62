"""Copy a distribution to its place for hosts, atomically."""

from __future__ import annotations

import ctypes
import os
import pathlib
import shutil
import tempfile

from tools.mkdist import dist

# renameat2(2): exchanges both names atomically.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(source: pathlib.Path, target: pathlib.Path) -> None:
    """Replace `target` with a copy of a distribution.

    A reader of files below `target` finds either the whole old distribution or the whole new one.

    Args:
        source: directory of `//images:dist`.
        target: a directory that does not exist, is empty, or contains only an earlier distribution; its parent exists.

    Raises:
        DistError: `target` is something else, or `source` differs from its manifest.
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
                # The copy took a while: check again what the exchange has moved to `fresh`, which will be deleted.
                _check_replaceable(fresh, target)
            except dist.DistError:
                _exchange(fresh, target)
                raise
        else:
            fresh.rename(target)


def _check_replaceable(directory: pathlib.Path, shown: pathlib.Path) -> None:
    """Check that a directory is empty, or contains only a distribution: replacing it deletes it.

    Args:
        directory: the directory.
        shown: its name for the user.

    Raises:
        DistError: it contains other files.
    """
    entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    if not entries:
        return
    fix = "give --out another directory"
    try:
        manifest = dist.load_manifest(directory)
    except dist.DistError as error:
        raise dist.DistError(f"is not an earlier distribution: {error.what}", where=str(shown), fix=fix) from None
    listed = {item["name"] for item in manifest["files"]} | {dist.MANIFEST}
    for entry in entries:
        if entry.name not in listed or not entry.is_file(follow_symlinks=False):
            raise dist.DistError(
                f"contains {entry.name!r}, which its {dist.MANIFEST} does not list", where=str(shown), fix=fix
            )


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    for item in dist.load_manifest(source)["files"]:
        name = item["name"]
        if pathlib.PurePath(name).name != name:
            raise dist.DistError(f"names a file {name!r} outside of its directory", where=str(source / dist.MANIFEST))
        if dist.copy(source / name, target / name) != item:
            raise dist.DistError("differs from the manifest", where=str(source / name), fix="build it again")
        (target / name).chmod(0o644)
    shutil.copyfile(source / dist.MANIFEST, target / dist.MANIFEST)


def _exchange(one: pathlib.Path, other: pathlib.Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(other))
