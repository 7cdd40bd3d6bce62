"""Writes the bill of materials of an image as SPDX 2.3, in its JSON form.

Every regular file and hard link of the image is listed with digests, and belongs to a package or to the image
itself. Licences are not concluded, and only declared where a package states an SPDX expression:
`usr/share/doc/*/copyright` in the image has the words of each Debian package.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from tools.fsspec.packed import digest_of
from tools.fsspec.tree import Entry, Kind
from tools.mkdist.provenance import Package, Report

# SPDX wants a time. It is that of the files in every image (tools/fsspec/packed.py), not of the build.
_CREATED = "1980-01-02T00:00:00Z"
_IMAGE = "SPDXRef-Image"
_BLOCK = 2**20


def render(
    name: str, image_path: str, entries: Sequence[Entry], owners: Mapping[str, Package | None], report: Report
) -> str:
    """Returns the document.

    Args:
        name: file name of the image.
        image_path: the image, for its digest.
        entries: all entries of its tree, with their content.
        owners: package of each path, see `provenance.assign`.
        report: what mkrootfs says of the tree.
    """
    sha256 = digest_of(image_path).sha256
    packages = sorted(report.packages)
    files, contains = _files(entries, owners)
    document = {
        **_document(name, sha256),
        "packages": [_image(name, sha256), *map(_package, packages)],
        "files": files,
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE),
            *(_relation(_IMAGE, "CONTAINS", _id(package)) for package in packages),
            *contains,
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def render_kernel(name: str, image_path: str, kernel: Mapping[str, Any]) -> str:
    """Returns the document of a kernel.

    Args:
        name: file name of the kernel's image.
        image_path: the image, for its digest.
        kernel: what the rule `linux_kernel` says of it.
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
            {**_package(package), "primaryPackagePurpose": "SOURCE"},
        ],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE),
            _relation(_IMAGE, "GENERATED_FROM", _id(package)),
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _document(name: str, sha256: str) -> dict[str, Any]:
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        # It must be unique to the document, and need not be an address.
        "documentNamespace": f"urn:sandbox-images:{name}:sha256:{sha256}",
        "creationInfo": {"created": _CREATED, "creators": ["Tool: sandbox-images-mkdist"]},
    }


def _image(name: str, sha256: str) -> dict[str, Any]:
    return {
        **_common(_IMAGE, name, sha256),
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    }


def _package(package: Package) -> dict[str, Any]:
    supplier = {"supplier": "Organization: Debian"} if package.type == "deb" else {}
    return {
        **_common(_id(package), package.name, package.sha256),
        **({"licenseDeclared": package.licence} if package.licence else {}),
        "versionInfo": package.version,
        **supplier,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl(package)},
        ],
    }


def purl(package: Package) -> str:
    name = urllib.parse.quote(package.name, safe="")
    version = urllib.parse.quote(package.version, safe=".")
    if package.type == "deb":
        return f"pkg:deb/debian/{name}@{version}?arch={package.architecture}"
    if package.type == "npm":
        return f"pkg:npm/{name.replace('%2F', '/')}@{version}"
    # Python's names are the same in lower case, with hyphens for underscores.
    return f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"


def _common(identifier: str, name: str, sha256: str) -> dict[str, Any]:
    return {
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": "NOASSERTION",
        # The files are those of the image, not all of the package.
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}],
    }


def _files(
    entries: Sequence[Entry], owners: Mapping[str, Package | None]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    files: list[dict[str, Any]] = []
    contains: list[dict[str, str]] = []
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
                "fileName": f"./{entry.path}",
                "checksums": digests[entry.target if entry.kind is Kind.HARDLINK else entry.path],
                "licenseConcluded": "NOASSERTION",
                "copyrightText": "NOASSERTION",
            }
        )
        owner = owners[entry.path]
        contains.append(_relation(_id(owner) if owner else _IMAGE, "CONTAINS", identifier))
    return files, contains


def _digests(entry: Entry) -> list[dict[str, str]]:
    assert entry.content
    # SPDX demands SHA-1 of files; nothing here relies on it.
    hashes = {"SHA1": hashlib.sha1(usedforsecurity=False), "SHA256": hashlib.sha256()}
    with entry.content.open() as stream:
        while data := stream.read(_BLOCK):
            for value in hashes.values():
                value.update(data)
    return [{"algorithm": name, "checksumValue": value.hexdigest()} for name, value in hashes.items()]


def _relation(element: str, kind: str, related: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}


def _id(package: Package) -> str:
    # SPDX takes letters, digits, dots and hyphens; a package's name has + besides.
    # Packages of two worlds may have one name.
    world = "" if package.type == "deb" else f"{package.type}-"
    return f"SPDXRef-Package-{world}" + re.sub(r"[^A-Za-z0-9.-]", lambda match: f"-{ord(match[0]):x}-", package.name)
