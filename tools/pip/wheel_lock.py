"""The lock of Python packages: the wheel of each pinned version for each architecture, and its dependencies."""

from __future__ import annotations

import dataclasses
import email.parser
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from packaging import requirements, tags, utils

from tools.cli import errors
from tools.pip import package_index, requirements_file

VERSION = 1

# C libraries of the manylinux standards that had names before version numbers.
_NAMED = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclasses.dataclass(frozen=True)
class Request:
    """The content of a tag in MODULE.bazel.

    Attributes:
        name: the tag's name.
        architectures: architectures, as in @platforms//cpu.
        glibc: newest version of the GNU C library that wheels may need: 2.28.
        python: version of the interpreter: 3.13.
        requirements: path of requirements.txt, relative to the workspace.
        lock: path of the lock file, relative to the workspace.
    """

    name: str
    architectures: tuple[str, ...]
    glibc: str
    python: str
    requirements: str
    lock: str


class Indexes(Protocol):
    """The pages that list the files of a project."""

    def files(self, project: str) -> list[package_index.File]: ...


@dataclasses.dataclass(frozen=True)
class _Wheel:
    pin: requirements_file.Pin
    file: package_index.File
    sha256: str


def read_requests(path: pathlib.Path) -> tuple[list[str], dict[str, Request]]:
    """Read the module extension's output: addresses of package indexes, and the requests by name."""
    document = json.loads(path.read_text())
    requests = {
        name: Request(
            name=name,
            architectures=tuple(value["architectures"]),
            glibc=value["glibc"],
            python=value["python"],
            requirements=value["requirements"],
            lock=value["lock"],
        )
        for name, value in document["requests"].items()
    }
    return document["indexes"], requests


def supported_tags(python: str, glibc: str, architecture: str) -> list[tags.Tag]:
    """Return the tags of wheels that an interpreter accepts, the best first.

    The newest C library comes first, as in pip: its wheels are the smallest.
    """
    version = [int(part) for part in python.split(".")]
    platforms: list[str] = []
    for minor in range(int(glibc.split(".")[1]), 4, -1):
        platforms.append(f"manylinux_2_{minor}_{architecture}")
        if minor in _NAMED:
            platforms.append(f"{_NAMED[minor]}_{architecture}")
    platforms.append(f"linux_{architecture}")
    interpreter = f"cp{version[0]}{version[1]}"
    return [
        *tags.cpython_tags(version, [interpreter], platforms),
        *tags.compatible_tags(version, interpreter, platforms),
    ]


def resolve(
    request: Request, pins: Sequence[requirements_file.Pin], indexes: Indexes
) -> dict[str, list[dict[str, Any]]]:
    """Find the wheel of each pin for each architecture.

    Args:
        request: the request.
        pins: pinned versions.
        indexes: indexes that list their files.

    Returns:
        By architecture, the entries of the lock.

    Raises:
        errors.InputError: a pin has no wheel for an architecture.
    """
    listed: dict[str, list[package_index.File]] = {}
    metadata: dict[str, bytes] = {}
    result: dict[str, list[dict[str, Any]]] = {}
    for architecture in request.architectures:
        environment = _environment(request.python, architecture)
        order = {
            tag: rank
            for rank, tag in reversed(list(enumerate(supported_tags(request.python, request.glibc, architecture))))
        }
        wheels: dict[str, _Wheel] = {}
        for pin in pins:
            if pin.requirement.marker and not pin.requirement.marker.evaluate(environment):
                continue
            if pin.name not in listed:
                listed[pin.name] = indexes.files(pin.name)
            wheels[pin.name] = _best(pin, listed[pin.name], order, f"{pin.name} for {architecture}")
        for wheel in wheels.values():
            if wheel.sha256 not in metadata:
                metadata[wheel.sha256] = package_index.metadata(wheel.file, wheel.sha256)
        requires = _edges({name: metadata[wheel.sha256] for name, wheel in wheels.items()}, pins, environment)
        result[architecture] = [
            {
                "file": wheel.file.name,
                "name": name,
                "requires": requires[name],
                "sha256": wheel.sha256,
                "version": wheel.pin.version,
            }
            for name, wheel in sorted(wheels.items())
        ]
    return result


def render(request: Request, wheels: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Render a lock file: deterministic JSON."""
    document = {
        "comment": f"Written by: bazel run @sandbox_images//:lock -- --only={request.name}",
        "request": {
            "architectures": sorted(request.architectures),
            "glibc": request.glibc,
            "python": request.python,
        },
        "version": VERSION,
        "wheels": wheels,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _environment(python: str, architecture: str) -> dict[str, str]:
    return {
        "extra": "",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": architecture,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def _best(
    pin: requirements_file.Pin, files: Sequence[package_index.File], order: Mapping[tags.Tag, int], where: str
) -> _Wheel:
    found: list[tuple[int, str, package_index.File]] = []
    for file in files:
        if not file.name.endswith(".whl") or file.sha256 not in pin.sha256:
            continue
        try:
            name, _, _, file_tags = utils.parse_wheel_filename(file.name)
        except (utils.InvalidWheelFilename, utils.InvalidVersion):
            continue
        ranks = [order[tag] for tag in file_tags if tag in order]
        if name == pin.name and ranks:
            found.append((min(ranks), file.name, file))
    if not found:
        raise errors.InputError(
            f"version {pin.version} has no wheel with a pinned digest that the interpreter accepts",
            where=where,
            fix="pin another version, or update its digests",
        )
    file = min(found)[2]
    return _Wheel(pin, file, file.sha256)


def _edges(
    metadata: Mapping[str, bytes], pins: Sequence[requirements_file.Pin], environment: Mapping[str, str]
) -> dict[str, list[str]]:
    """Find the dependencies of each package, with all extras that a package requests."""
    depends = {name: _requires_dist(name, content) for name, content in metadata.items()}
    extras = {pin.name: set(pin.extras) for pin in pins if pin.name in metadata}
    edges: dict[str, set[str]] = {name: set() for name in metadata}
    changed = True
    while changed:
        changed = False
        for name, needed in depends.items():
            for requirement in needed:
                if not _applies(requirement, extras[name], environment):
                    continue
                target = utils.canonicalize_name(requirement.name)
                if target not in metadata:
                    raise errors.InputError(
                        f"{name} depends on {target}, which is not pinned",
                        where=name,
                        fix="write requirements.txt with pip-compile",
                    )
                before = len(edges[name]), len(extras[target])
                if target != name:
                    edges[name].add(target)
                extras[target] |= requirement.extras
                changed |= before != (len(edges[name]), len(extras[target]))
    return {name: sorted(targets) for name, targets in edges.items()}


def _requires_dist(name: str, content: bytes) -> list[requirements.Requirement]:
    message = email.parser.BytesParser().parsebytes(content, headersonly=True)
    try:
        return [requirements.Requirement(str(value)) for value in message.get_all("Requires-Dist", [])]
    except requirements.InvalidRequirement as error:
        raise errors.InputError(str(error), where=f"METADATA of {name}") from error


def _applies(requirement: requirements.Requirement, extras: set[str], environment: Mapping[str, str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in {"", *extras})
