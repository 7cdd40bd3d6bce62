"""Copy the products to one flat directory, with a manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tools.cli import errors

VERSION = 1
MANIFEST = "manifest.json"
_BLOCK = 2**20


class DistError(errors.InputError):
    """Files that do not fit together, or a directory without a distribution."""


@dataclasses.dataclass(frozen=True)
class Guest:
    """The common properties of the guests of one architecture.

    Attributes:
        architecture: `aarch64` or `x86_64`.
        release: their `uname -r`; None for an initramfs that fits every kernel.
        modules: modules of the initramfs, in the order of loading: objects of `group` and `file`.
        kernel: the inputs of the kernel: its source, the digest of its configuration, its patches; None for a kernel
            that was not built here.
    """

    architecture: str
    release: str | None
    modules: Sequence[Any]
    kernel: Mapping[str, Any] | None = None


def load_guest(path: str) -> Guest:
    """Read the report of an initramfs (mkinitramfs's `--report`).

    Raises:
        DistError: the file is not a report.
    """
    try:
        value = json.loads(pathlib.Path(path).read_text("utf-8"))
        return Guest(value["architecture"], value["kernel_release"], value["modules"])
    except (ValueError, KeyError, TypeError) as error:
        raise DistError(f"is not a report of an initramfs: {error!r}", where=path, fix="build it again") from None


def add_kernel(guest: Guest, release_path: str, report_path: str | None) -> Guest:
    """Add information on the kernel that boots with an initramfs.

    Args:
        guest: information from the initramfs.
        release_path: file with the kernel's release.
        report_path: report of the rule `linux_kernel`, if the kernel was built here.

    Raises:
        DistError: the initramfs is for another kernel, or a file is malformed.
    """
    release = pathlib.Path(release_path).read_text("utf-8").strip()
    if guest.release not in (None, release):
        raise DistError(
            f"is release {release}, but the initramfs of {guest.architecture} has modules of {guest.release}",
            where=release_path,
            fix="add the initramfs that was built for the kernel",
        )
    kernel = None
    if report_path:
        try:
            value = json.loads(pathlib.Path(report_path).read_text("utf-8"))
            kernel = {key: value[key] for key in ("source", "config_sha256", "patches")}
        except (ValueError, KeyError, TypeError) as error:
            raise DistError(
                f"is not a report of a kernel: {error!r}", where=report_path, fix="build it again"
            ) from None
    return dataclasses.replace(guest, release=release, kernel=kernel)


def copy(source: pathlib.Path, target: pathlib.Path) -> dict[str, Any]:
    """Copy a file and return its item of the manifest, computed from the written bytes."""
    sha256 = hashlib.sha256()
    size = 0
    with open(source, "rb") as reader, open(target, "wb") as writer:
        while data := reader.read(_BLOCK):
            sha256.update(data)
            size += len(data)
            writer.write(data)
        writer.flush()
        os.fsync(writer.fileno())
    return {"name": target.name, "size": size, "sha256": sha256.hexdigest()}


def make(
    files: Sequence[str], guests: Sequence[Guest], directory: pathlib.Path, renamed: Mapping[str, str] | None = None
) -> None:
    """Fill an empty directory with files and their manifest.

    Args:
        files: paths; the files keep their names in the directory.
        guests: one for each architecture.
        directory: the directory.
        renamed: file name to its new name.

    Raises:
        DistError: two files get one name, a file to be renamed is missing, or two guests have one architecture.
    """
    paths = list(map(pathlib.Path, files))
    renamed = renamed or {}
    missing = sorted(set(renamed) - {path.name for path in paths})
    if missing:
        raise DistError("cannot be renamed: it is not among the files", where=missing[0])
    sources = sorted(((renamed.get(path.name, path.name), path) for path in paths), key=lambda item: item[0])
    names = [name for name, _ in sources] + [MANIFEST]
    double = [name for name in names if names.count(name) > 1]
    if double:
        raise DistError("is the name of two files", where=double[0], fix="give each product another name")
    architectures = [guest.architecture for guest in guests]
    if len(set(architectures)) != len(architectures):
        raise DistError(f"two initramfs of one architecture among {', '.join(architectures)}")
    manifest = {
        "version": VERSION,
        "guests": {
            guest.architecture: {
                "kernel_release": guest.release,
                "kernel": guest.kernel,
                "modules": list(guest.modules),
            }
            for guest in sorted(guests, key=lambda guest: guest.architecture)
        },
        "files": [copy(source, directory / name) for name, source in sources],
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


def load_manifest(directory: pathlib.Path) -> dict[str, Any]:
    """Read a directory's manifest.

    Raises:
        DistError: the directory has none, or one of another form or version.
    """
    path = directory / MANIFEST
    try:
        value: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DistError(f"has no {MANIFEST}", where=str(directory), fix="give the directory of //images:dist") from None
    except (ValueError, RecursionError) as error:
        raise DistError(f"its {MANIFEST} is not JSON: {error}", where=str(directory)) from None
    if not _is_manifest(value):
        raise DistError(f"its {MANIFEST} is not a distribution's manifest of version {VERSION}", where=str(directory))
    return cast(dict[str, Any], value)


def _is_manifest(value: Any) -> bool:
    try:
        files = value["files"]
        return (
            value["version"] == VERSION
            and isinstance(value["guests"], dict)
            and isinstance(files, list)
            and all(
                isinstance(item["name"], str) and isinstance(item["sha256"], str) for item in cast(list[Any], files)
            )
        )
    except (KeyError, TypeError):
        return False
