"""Write the bill of materials of an image as SPDX 2.3, in its JSON form.

The image contains every regular file and hard link, each with digests and with the package whose archive contains it. A
package itself contains no file, since an image contains only a part of its archive. The document concludes no licences.
It declares one if a package states an SPDX expression, or if its copyright file is machine-readable.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from tools.fsspec import paths
from tools.fsspec.packed import digest_of
from tools.fsspec.tree import Entry, Kind
from tools.mkdist import contents, inventory, licences
from tools.mkdist.contents import Contents, Module
from tools.mkdist.licences import Licence
from tools.mkdist.ownership import Package, Report

# SPDX requires a time. It is that of the files in every image (tools/fsspec/packed.py), not of the build.
_CREATED = "1980-01-02T00:00:00Z"
_DOCUMENT = "SPDXRef-DOCUMENT"
_IMAGE = "SPDXRef-Image"
_BLOCK = 2**20
_OF_SOURCE = "All licences that the copyright file names for files of the source package."


class _References:
    """The licences of a document that SPDX does not list."""

    def __init__(self) -> None:
        self._identifiers: dict[Licence, str] = {}

    def identifier(self, licence: Licence) -> str:
        """Return the same identifier for the same name and text."""
        if licence not in self._identifiers:
            # Packages use one name for different texts, such as `permissive`.
            stem = "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", licence.name).strip("-") or "unnamed")
            digest = hashlib.sha256(f"{licence.name}\0{licence.text}".encode()).hexdigest()
            self._identifiers[licence] = f"{stem}-{digest[:8]}"
        return self._identifiers[licence]

    def infos(self) -> list[dict[str, str]]:
        """Return SPDX's list of extracted licences."""
        return [
            # SPDX requires a text.
            {"licenseId": identifier, "name": licence.name, "extractedText": licence.text or licence.name}
            for licence, identifier in sorted(self._identifiers.items(), key=lambda item: item[1])
        ]


def render(
    name: str, image_path: str, entries: Sequence[Entry], owners: Mapping[str, Package | None], report: Report
) -> str:
    """Return the document.

    Args:
        name: file name of the image.
        image_path: the image, for its digest.
        entries: all entries of its tree, with their content.
        owners: package of each path, see `ownership.assign`.
        report: report of mkrootfs on the tree.
    """
    sha256 = digest_of(image_path).sha256
    packages = sorted(report.packages)
    found = contents.read(entries, owners)
    references = _References()
    modules = [(owner, *item) for owner in packages for item in sorted(found.modules.get(owner, {}).items())]
    files, origins = _files(entries, owners)
    document = {
        **_document(name, sha256),
        "packages": [
            {**_image(name, sha256), "filesAnalyzed": True, "packageVerificationCode": _verification_code(files)},
            *(_package(package, found, references) for package in packages),
            *(_module(number, module, paths) for number, (_, module, paths) in enumerate(modules)),
        ],
        "files": files,
        "hasExtractedLicensingInfos": references.infos(),
        "relationships": [
            _relation(_DOCUMENT, "DESCRIBES", _IMAGE),
            *(_relation(_IMAGE, "CONTAINS", _id(package)) for package in packages),
            *(_relation(_id(owner), "CONTAINS", _module_id(number)) for number, (owner, *_) in enumerate(modules)),
            *(_relation(_IMAGE, "CONTAINS", file["SPDXID"]) for file in files),
            *origins,
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def render_kernel(name: str, image_path: str, kernel: Mapping[str, Any]) -> str:
    """Return the document of a kernel.

    Args:
        name: file name of the kernel's image.
        image_path: the image, for its digest.
        kernel: report of the rule `linux_kernel` on it.
    """
    sha256 = digest_of(image_path).sha256
    source = kernel["source"]
    package = Package("deb", source["package"], source["version"], source["architecture"], "", source["sha256"])
    patches = [f"{patch['name']} sha256:{patch['sha256']}" for patch in kernel["patches"]]
    made_of = [f"configuration sha256:{kernel['config_sha256']}", *(f"patch {patch}" for patch in patches)]
    document = {
        **_document(name, sha256),
        "packages": [
            {**_image(name, sha256), "versionInfo": kernel["kernel_release"], "sourceInfo": "; ".join(made_of)},
            {**_common(_id(package), package.name), **_archive(package), "primaryPackagePurpose": "SOURCE"},
        ],
        "relationships": [
            _relation(_DOCUMENT, "DESCRIBES", _IMAGE),
            _relation(_IMAGE, "GENERATED_FROM", _id(package)),
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def purl(package: Package, **qualifiers: str) -> str:
    """Return a package's URL.

    Args:
        package: the package.
        **qualifiers: further identifiers of Debian's packages for scanners; empty ones are omitted.
    """
    version = urllib.parse.quote(package.version, safe=".")
    if package.type == "deb":
        values = {"arch": package.architecture, **qualifiers}
        query = "&".join(f"{key}={urllib.parse.quote(values[key], safe='')}" for key in sorted(values) if values[key])
        return f"pkg:deb/debian/{urllib.parse.quote(package.name, safe='')}@{version}?{query}"
    if package.type == "npm":
        return _npm_purl(package.name, package.version)
    # Python's names are equal in lower case, with hyphens for underscores.
    return f"pkg:pypi/{urllib.parse.quote(package.name, safe='').lower().replace('_', '-')}@{version}"


def _npm_purl(name: str, version: str) -> str:
    path = urllib.parse.quote(name, safe="/")
    return f"pkg:npm/{path}@{urllib.parse.quote(version, safe='.')}" if version else f"pkg:npm/{path}"


def _document(name: str, sha256: str) -> dict[str, Any]:
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": name,
        # It must be unique to the document, and need not be an address.
        "documentNamespace": f"urn:sandbox-images:{name}:sha256:{sha256}",
        "creationInfo": {"created": _CREATED, "creators": ["Tool: sandbox-images-mkdist"]},
    }


def _common(identifier: str, name: str) -> dict[str, Any]:
    return {
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }


def _image(name: str, sha256: str) -> dict[str, Any]:
    return {
        **_common(_IMAGE, name),
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}],
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    }


def _archive(package: Package, **qualifiers: str) -> dict[str, Any]:
    """Return the fields that identify the file of a package."""
    supplier = {"supplier": "Organization: Debian"} if package.type == "deb" else {}
    return {
        "versionInfo": package.version,
        "checksums": [{"algorithm": "SHA256", "checksumValue": package.sha256}],
        **supplier,
        **_reference(purl(package, **qualifiers)),
    }


def _reference(locator: str) -> dict[str, Any]:
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}
    return {"externalRefs": [reference]}


def _package(package: Package, found: Contents, references: _References) -> dict[str, Any]:
    common = _common(_id(package), package.name)
    if package.type != "deb":
        return {**common, **_archive(package), **_stated(package.licence)}
    # Debian's security tracker looks up sources, by the version of the source.
    source = found.sources[package]
    upstream = "" if source.name == package.name else source.name
    if source.version != package.version:
        upstream = f"{source.name}@{source.version}"
    declared = licences.declared(found.copyrights.get(package, ""), references.identifier)
    licence = {"licenseDeclared": declared, "licenseComments": _OF_SOURCE} if declared else {}
    return {**common, **_archive(package, distro=found.distribution, upstream=upstream), **licence}


def _module(number: int, module: Module, paths: Sequence[str]) -> dict[str, Any]:
    version = {"versionInfo": module.version} if module.version else {}
    return {
        **_common(_module_id(number), module.name),
        **version,
        **_reference(_npm_purl(module.name, module.version)),
        **_stated(module.licence),
        "sourceInfo": "in " + ", ".join(sorted(paths)),
    }


def _stated(licence: str) -> dict[str, str]:
    """Return the fields of a licence that the package itself states."""
    if expression := licences.expression(licence):
        return {"licenseDeclared": expression}
    return {"licenseComments": f"The package states {licence[:1000]!r}."} if licence else {}


def _files(
    entries: Sequence[Entry], owners: Mapping[str, Package | None]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    files: list[dict[str, Any]] = []
    origins: list[dict[str, str]] = []
    digests: dict[str, list[dict[str, str]]] = {}
    for entry in entries:
        if entry.kind is Kind.FILE:
            digests[entry.path] = _digests(entry)
        elif entry.kind is not Kind.HARDLINK:
            continue
        identifier = f"SPDXRef-File-{len(files)}"
        files.append(
            {
                "SPDXID": identifier,
                "fileName": f"./{paths.shown(entry.path)}",
                "checksums": digests[entry.target if entry.kind is Kind.HARDLINK else entry.path],
                # SPDX has no field for a size.
                "comment": inventory.comment(entry),
                "licenseConcluded": "NOASSERTION",
                "copyrightText": "NOASSERTION",
            }
        )
        if owner := owners[entry.path]:
            origins.append(_relation(identifier, "EXPANDED_FROM_ARCHIVE", _id(owner)))
    return files, origins


def _digests(entry: Entry) -> list[dict[str, str]]:
    assert entry.content
    # SPDX requires SHA-1 of files; nothing here relies on it.
    hashes = {"SHA1": hashlib.sha1(usedforsecurity=False), "SHA256": hashlib.sha256()}
    with entry.content.open() as stream:
        while data := stream.read(_BLOCK):
            for value in hashes.values():
                value.update(data)
    return [{"algorithm": name, "checksumValue": value.hexdigest()} for name, value in hashes.items()]


def _verification_code(files: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return SPDX's digest of all files: the digest of their sorted SHA-1."""
    digests = sorted(file["checksums"][0]["checksumValue"] for file in files)
    value = hashlib.sha1("".join(digests).encode(), usedforsecurity=False).hexdigest()
    return {"packageVerificationCodeValue": value}


def _relation(element: str, kind: str, related: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}


def _id(package: Package) -> str:
    # SPDX allows letters, digits, dots and hyphens; a package's name may also contain +. Packages of two ecosystems may
    # have the same name.
    world = "" if package.type == "deb" else f"{package.type}-"
    return f"SPDXRef-Package-{world}" + re.sub(r"[^A-Za-z0-9.-]", lambda match: f"-{ord(match[0]):x}-", package.name)


def _module_id(number: int) -> str:
    return f"SPDXRef-Module-{number}"
