"""Read information on packages from an image's files, beyond the report of mkrootfs, for the bill of materials."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tools.fsspec import content
from tools.fsspec.tree import Entry
from tools.mkdist.ownership import Package

TEXT_MAX = 4 * 2**20
"""Largest file to read, in bytes. Debian's longest copyright file has some 200 KB."""

_RELEASE = "usr/lib/os-release"
# The paths of mkrootfs (tools/mkrootfs/rootfs.py).
_RECORD = re.compile(r"var/lib/dpkg/status\.d/[^/]+", re.ASCII)
_COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright", re.ASCII)
_MODULE = re.compile(r".*/node_modules/.*/node_modules/((?:@[^/]+/)?[^/]+)/package\.json", re.DOTALL)
_SOURCE = re.compile(r"^Source:[ \t]*([a-z0-9][a-z0-9+.-]+)(?:[ \t]+\(([^() \t]+)\))?[ \t]*$", re.ASCII | re.MULTILINE)
_DISTRIBUTION = re.compile(r"^(ID|VERSION_ID)=\"?([a-z0-9._-]+)\"?$", re.ASCII | re.MULTILINE)


@dataclasses.dataclass(frozen=True, order=True)
class Module:
    """An npm package inside the archive of another one.

    Attributes:
        name: its name.
        version: its version; empty if it states none.
        licence: the field `license`; empty if it is not a text. Copies of one version may differ in it.
    """

    name: str
    version: str
    licence: str = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True)
class Source:
    """A source package of Debian."""

    name: str
    version: str


@dataclasses.dataclass(frozen=True)
class Contents:
    """The information in the files.

    Attributes:
        distribution: identifier and version, such as `debian-13`; empty if the image does not name it.
        sources: the source of each of Debian's packages.
        copyrights: the copyright file of each of Debian's packages, if the image contains it.
        modules: the npm packages inside of each package, with their paths.
    """

    distribution: str
    sources: Mapping[Package, Source]
    copyrights: Mapping[Package, str]
    modules: Mapping[Package, Mapping[Module, Sequence[str]]]


def read(entries: Sequence[Entry], owners: Mapping[str, Package | None]) -> Contents:
    """Read an image's files.

    Args:
        entries: all entries of its tree, with their content.
        owners: package of each path, see `ownership.assign`.
    """
    packages = {owner.name: owner for owner in owners.values() if owner and owner.type == "deb"}
    sources = {package: Source(name, package.version) for name, package in packages.items()}
    copyrights: dict[Package, str] = {}
    modules: dict[Package, dict[Module, list[str]]] = {}
    distribution: dict[str, str] = {}
    for entry in entries:
        owner = owners[entry.path]
        if entry.path == _RELEASE:
            distribution = dict(_DISTRIBUTION.findall(_text(entry)))
        elif _RECORD.fullmatch(entry.path):
            if owner and (found := _SOURCE.search(_text(entry))):
                sources[owner] = Source(found[1], found[2] or owner.version)
        elif match := _COPYRIGHT.fullmatch(entry.path):
            if match[1] in packages and entry.content:
                copyrights[packages[match[1]]] = _text(entry)
        elif owner and owner.type == "npm" and (match := _MODULE.fullmatch(entry.path)):
            module = _module(match[1], _text(entry))
            modules.setdefault(owner, {}).setdefault(module, []).append(entry.path.removesuffix("/package.json"))
    # A package may link to the copyright file of another one of the same source.
    of_source = {sources[package]: text for package, text in copyrights.items()}
    return Contents(
        distribution="-".join(distribution[key] for key in ("ID", "VERSION_ID") if key in distribution),
        sources=sources,
        copyrights={package: of_source[source] for package, source in sources.items() if source in of_source}
        | copyrights,
        modules=modules,
    )


def _module(name: str, text: str) -> Module:
    """Read a package.json. Programs load the module by the name of its directory."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    stated = {key: fields[key] if isinstance(fields.get(key), str) else "" for key in ("name", "version", "license")}
    return Module(stated["name"] or name, stated["version"], stated["license"])


def _text(entry: Entry) -> str:
    if entry.content is None or entry.content.size > TEXT_MAX:
        return ""
    return content.read(entry.content).decode("utf-8", "replace")
