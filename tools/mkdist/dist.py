"""Copy the products to one flat directory, with a manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tools.cli import document, errors

VERSION = 1
MANIFEST = "manifest.json"
_BLOCK = 2**20

_TEXT = document.TEXT
_INITRAMFS_REPORT = document.record(
    architecture=_TEXT, kernel_release={"type": ["string", "null"]}, modules={"type": "array"}
)
KERNEL_REPORT = document.record(
    source={"type": "object"},
    config_sha256=_TEXT,
    kernel_release=_TEXT,
    patches=document.array(document.record(name=_TEXT, sha256=_TEXT)),
)
"""Schema of what the rule `linux_kernel` says of a kernel."""

_SIZE = {"type": "integer", "minimum": 0, "maximum": 2**50}
_MANIFEST = document.record(
    version={"const": VERSION},
    guests={"type": "object", "additionalProperties": {"type": "object"}},
    files=document.array(document.record(name=_TEXT, sha256=_TEXT, size=_SIZE)),
)


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
    value = document.load(path, _INITRAMFS_REPORT, "report of an initramfs", error=DistError)
    return Guest(value["architecture"], value["kernel_release"], value["modules"])


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
        value = document.load(report_path, KERNEL_REPORT, "report of a kernel", error=DistError)
        kernel = {key: value[key] for key in ("source", "config_sha256", "patches")}
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
    fix = "give the directory of //images:dist"
    try:
        return document.load(path, _MANIFEST, f"{MANIFEST} of a distribution", error=DistError, fix=fix)
    except FileNotFoundError:
        raise DistError(f"has no {MANIFEST}", where=str(directory), fix=fix) from None
