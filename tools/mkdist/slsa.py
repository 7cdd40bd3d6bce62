"""Write the origin of an image as an in-toto statement with SLSA provenance of version 1.

The statement describes the build from the sources: anybody who builds again gets the same bytes. It names neither a
machine nor a time, and is not signed. Publishers sign their own images.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tools.cli import errors
from tools.fsspec.packed import digest_of
from tools.mkdist.ownership import Package, Report
from tools.mkdist.sbom import purl

# README.md explains them.
BUILD_TYPE = "urn:sandbox-images:bazel:1"
BUILDER = "urn:sandbox-images:bazelw"

_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"


# The pins in a tag of MODULE.bazel, see tools/npm.
_NPM_TAG = re.compile(r"^npm\.archive\(([^()]*)\)", re.MULTILINE)


class SlsaError(errors.InputError):
    """Locks that do not account for an image."""


@dataclasses.dataclass(frozen=True)
class Build:
    """The build of an image.

    Attributes:
        target: its label.
        architecture: `aarch64` or `x86_64`.
        mode: Bazel's compilation mode.
        bazel: version of Bazel.
    """

    target: str
    architecture: str
    mode: str
    bazel: str


def locked_packages(locks: Sequence[str], architecture: str) -> list[dict[str, Any]]:
    """Read the pins of lock files for an architecture, as SLSA descriptors.

    Args:
        locks: paths of lock files (tools/debian/lockfile.py).
        architecture: as in @platforms//cpu.

    Raises:
        SlsaError: a file is not a lock, or pins nothing for the architecture.
    """
    found: list[dict[str, Any]] = []
    for path in locks:
        try:
            packages = json.loads(pathlib.Path(path).read_text("utf-8"))["packages"][architecture]
            found += [_package(package, pathlib.Path(path).name) for package in packages]
        except (ValueError, KeyError, TypeError) as error:
            raise SlsaError(
                f"pins nothing for {architecture}: {error!r}", where=path, fix="./bazelw run //:lock"
            ) from None
    return sorted(found, key=lambda package: (package["uri"], package["digest"]["sha256"]))


def other_packages(requirements: Sequence[str], module: str, report: Report) -> list[dict[str, Any]]:
    """Return descriptors of an image's pinned packages, except Debian's.

    Args:
        requirements: paths of requirements with the hashes of wheels.
        module: path of `MODULE.bazel`, which has the digests of npm archives in another form than the report.
        report: report of mkrootfs on the image.
    """
    texts = {path: pathlib.Path(path).read_text("utf-8") for path in (*requirements, module)}
    return [
        {
            "name": package.name,
            "uri": purl(package),
            "digest": {"sha256": package.sha256},
            "annotations": {"lock": pathlib.Path(path).name},
        }
        for package in sorted(report.packages)
        for path, text in texts.items()
        if _is_pinned(package, text)
    ]


def _is_pinned(package: Package, text: str) -> bool:
    """Return whether a text pins a package; None for Debian's packages, which have locks."""
    if package.type == "pypi":
        return f"sha256:{package.sha256}" in text
    if package.type == "npm":
        # All words must be in one tag: the version of another tag does not count.
        words = (f'package = "{package.name}"', f'version = "{package.version}"', 'integrity = "sha512-')
        return any(all(word in tag for word in words) for tag in _NPM_TAG.findall(text))
    return False


def check(packages: Iterable[Mapping[str, Any]], report: Report) -> None:
    """Check that all packages of an image are among those of its locks.

    Args:
        packages: results of `locked_packages` and `other_packages`.
        report: report of mkrootfs on the image.

    Raises:
        SlsaError: a package is not.
    """
    known = {package["digest"]["sha256"] for package in packages}
    for package in report.packages:
        if package.sha256 not in known:
            raise SlsaError(
                "is in the image, but in none of the locks of its provenance",
                where=str(package),
                fix="add its lock to `packages` or `requirements` of the slsa_provenance",
            )


def render(
    subject: str,
    build: Build,
    packages: Sequence[Mapping[str, Any]],
    parts: Sequence[str],
    pins: Mapping[str, str],
) -> str:
    """Return the statement.

    Args:
        subject: the image.
        build: its build.
        packages: its packages, see `locked_packages` and `other_packages`.
        parts: the project's own programs in it.
        pins: files that pin sources and tools: path in the workspace to the file.
    """
    statement = {
        "_type": _STATEMENT,
        "subject": [_file(subject)],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"command": "build", "targets": [build.target]},
                "internalParameters": {"architecture": build.architecture, "compilationMode": build.mode},
                "resolvedDependencies": [
                    *packages,
                    *(_file(part) for part in sorted(parts, key=lambda part: pathlib.Path(part).name)),
                    *({"name": name, "digest": _digest(path)} for name, path in sorted(pins.items())),
                ],
            },
            "runDetails": {"builder": {"id": BUILDER, "version": {"bazel": build.bazel}}},
        },
    }
    return json.dumps(statement, indent=1) + "\n"


def _package(package: Mapping[str, Any], lock: str) -> dict[str, Any]:
    name, version = (urllib.parse.quote(package[key], safe=".") for key in ("name", "version"))
    return {
        "name": pathlib.PurePosixPath(package["path"]).name,
        "uri": f"pkg:deb/debian/{name}@{version}?arch={package['architecture']}",
        "digest": {"sha256": package["sha256"]},
        "annotations": {"archive": package["archive"], "lock": lock, "path": package["path"]},
    }


def _file(path: str) -> dict[str, Any]:
    return {"name": pathlib.Path(path).name, "digest": _digest(path)}


def _digest(path: str) -> dict[str, str]:
    return {"sha256": digest_of(path).sha256}
