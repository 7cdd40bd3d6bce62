"""The vendor directory: all external files of a build, each named by its digest, and a manifest.

    DIR/content_addressable/ALGORITHM/DIGEST/file   downloads, in the layout of Bazel's repository cache
    DIR/go/MODULE/@v/…                              Go modules, in the layout of a module proxy
    DIR/manifest.json                               path, size, sha256, kind, name and addresses of each

A file appears under its name when it is complete, and the manifest after all files: the next run continues an
interrupted one.
"""

from __future__ import annotations

import dataclasses
import filecmp
import hashlib
import json
import os
import pathlib
import shutil
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from tools.cli import cli, document, errors
from tools.vendor import workspace_log

MANIFEST = "manifest.json"
_VERSION = 1

_DOWNLOADS = "content_addressable"
_GO = "go"

# Files of a module proxy; the other files are go's own.
_GO_FILES = (".info", ".mod", ".zip")

_KINDS = {
    ".apk": "alpine",
    ".crate": "crate",
    ".deb": "debian",
    ".tgz": "npm",
    ".whl": "python",
}

_OWN = {MANIFEST, _DOWNLOADS, _GO}

_FILE = document.record(
    **dict.fromkeys(("path", "sha256", "kind", "name"), document.TEXT),
    size={"type": "integer"},
    urls=document.array(document.TEXT),
)
_DOCUMENT = document.record(version={}, files=document.array(_FILE | {"additionalProperties": False}))


class VendorError(errors.InputError):
    """An incomplete vendor directory, or another directory."""


@dataclasses.dataclass(frozen=True, order=True)
class File:
    """A file of the directory, as described by the manifest.

    Attributes:
        path: below the directory.
        size: in bytes.
        sha256: of its bytes, in hex.
        kind: such as `debian`.
        name: the last part of its address.
        urls: addresses from which it can be downloaded.
    """

    path: str
    size: int
    sha256: str
    kind: str
    name: str
    urls: tuple[str, ...] = ()


def check_replaceable(directory: pathlib.Path) -> None:
    """Check that a directory is replaceable: `write` removes files that are no longer needed.

    Raises:
        VendorError: it is neither a vendor directory, nor a part of one, nor empty.
    """
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise VendorError("is not a directory", where=str(directory), fix="give --out another name")
    if not directory.parent.is_dir():
        raise VendorError(
            "its parent does not exist", where=str(directory), fix="create the parent, or give another --out"
        )
    foreign = sorted(path.name for path in directory.iterdir() if path.name not in _OWN) if directory.exists() else []
    if foreign:
        raise VendorError(
            f"contains {foreign[0]!r}, which is not a part of a vendor directory",
            where=str(directory),
            fix="give --out a new directory",
        )


def restore(directory: pathlib.Path, cache: pathlib.Path) -> int:
    """Copy the downloads of an earlier run to a repository cache that lacks them: they are not downloaded again.

    It does not copy files whose bytes do not have the digest in their name; `write` replaces them.

    Args:
        directory: the vendor directory, which may be missing.
        cache: the repository cache.

    Returns:
        The number of files that were copied.
    """
    count = 0
    for file in sorted(directory.glob(f"{_DOWNLOADS}/*/*/file")):
        algorithm, digest = file.parts[-3:-1]
        target = cache / file.relative_to(directory)
        if not target.exists() and _digest(file, algorithm) == digest:
            _copy(file, target)
            count += 1
    return count


def write(
    directory: pathlib.Path,
    downloads: Iterable[workspace_log.Download],
    cache: pathlib.Path,
    go_modules: Iterable[pathlib.Path],
    about: dict[str, Any],
) -> list[File]:
    """Write a vendor directory, or update one. Existing files are checked and kept.

    Args:
        directory: the directory, see `check_replaceable`.
        downloads: its content.
        cache: repository cache with all of them.
        go_modules: download directories of go's module caches.
        about: further fields of the manifest.

    Returns:
        The files, by path.

    Raises:
        VendorError: the cache lacks a download, or has other bytes.
    """
    files = [_take(directory, same, cache) for same in _grouped(downloads)]
    files += _take_go(directory, go_modules)
    files.sort()
    manifest = about | {"version": _VERSION, "files": [dataclasses.asdict(file) for file in files]}
    cli.write_text(directory / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    _prune(directory, {file.path for file in files})
    return files


def broken(directory: pathlib.Path) -> Iterator[str]:
    """Yield a line for each file of the manifest that is missing or has other bytes.

    Raises:
        VendorError: the manifest is missing or malformed.
    """
    for file in _load(directory):
        path = directory / file.path
        if not path.is_file():
            yield f"{path}: is missing: {file.kind} {file.name}"
        elif path.stat().st_size != file.size or _digest(path, "sha256") != file.sha256:
            yield f"{path}: has other bytes than {file.kind} {file.name}"


def _load(directory: pathlib.Path) -> list[File]:
    path = directory / MANIFEST
    fix = "vendor again"
    try:
        value = document.load(path, _DOCUMENT, "manifest of a vendor directory", error=VendorError, fix=fix)
    except FileNotFoundError:
        raise VendorError(
            f"has no {MANIFEST}", where=str(directory), fix="name a directory that //:vendor has written completely"
        ) from None
    if value["version"] != _VERSION:
        raise VendorError(f"is of version {value['version']}, not {_VERSION}", where=str(path), fix=fix)
    return [File(**(item | {"urls": tuple(item["urls"])})) for item in value["files"]]


def _grouped(downloads: Iterable[workspace_log.Download]) -> Iterator[list[workspace_log.Download]]:
    """Yield the downloads of each digest: several repositories may have one file."""
    groups: dict[tuple[str, str], list[workspace_log.Download]] = {}
    for download in downloads:
        groups.setdefault((download.algorithm, download.digest), []).append(download)
    for key in sorted(groups):
        yield groups[key]


def _take(directory: pathlib.Path, same: Sequence[workspace_log.Download], cache: pathlib.Path) -> File:
    algorithm, digest = same[0].algorithm, same[0].digest
    urls = sorted({url for download in same for url in download.urls})
    name = urllib.parse.unquote(urllib.parse.urlsplit(urls[0]).path.rpartition("/")[2])
    path = f"{_DOWNLOADS}/{algorithm}/{digest}/file"
    target = directory / path
    if not target.is_file() or _digest(target, algorithm) != digest:
        source = cache / path
        if not source.is_file():
            raise VendorError(
                f"lacks {name} ({algorithm} {digest}), which a repository rule has downloaded",
                where=str(cache),
                fix="run again, without another Bazel that cleans this cache",
            )
        if _digest(source, algorithm) != digest:
            raise VendorError(f"has other bytes than {name}", where=str(source), fix="remove it and run again")
        _copy(source, target)
    sha256 = digest if algorithm == "sha256" else _digest(target, "sha256")
    kind = _KINDS.get(pathlib.PurePath(name).suffix, "file")
    shown = sorted({_public(url) for url in urls if url.startswith(("http:", "https:"))})
    return File(path, target.stat().st_size, sha256, kind, name, tuple(shown))


def _take_go(directory: pathlib.Path, caches: Iterable[pathlib.Path]) -> Iterator[File]:
    sources = {
        source.relative_to(cache): source
        for cache in caches
        for source in cache.rglob("*")
        if source.suffix in _GO_FILES and source.parent.name == "@v"
    }
    for relative, source in sorted(sources.items()):
        target = directory / _GO / relative
        if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
            _copy(source, target)
        path = target.relative_to(directory).as_posix()
        module = f"{relative.parent.parent}@{relative.stem}{relative.suffix}"
        yield File(path, target.stat().st_size, _digest(target, "sha256"), _GO, module)


def _prune(directory: pathlib.Path, wanted: set[str]) -> None:
    for part in (_DOWNLOADS, _GO):
        for top, _, names in os.walk(directory / part, topdown=False):
            for name in names:
                path = pathlib.Path(top, name)
                if path.relative_to(directory).as_posix() not in wanted:
                    path.unlink()
            if not any(pathlib.Path(top).iterdir()):
                pathlib.Path(top).rmdir()


def _public(url: str) -> str:
    """Return an address without a name and a password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with cli.output_path(target) as partial:
        shutil.copyfile(source, partial)


def _digest(path: pathlib.Path, algorithm: str) -> str:
    with open(path, "rb") as stream:
        # hashlib accepts names that typeshed does not list.
        return hashlib.file_digest(stream, cast(Any, algorithm)).hexdigest()
