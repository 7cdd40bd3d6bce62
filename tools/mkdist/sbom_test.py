"""The bill of materials is complete, or there is none."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import pytest

from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind
from tools.mkdist import provenance, sbom

_BASH = provenance.Package("deb", "bash", "5.2+x~1", "amd64", "", "ab" * 32)
_CXX = provenance.Package("deb", "libstdc++6", "14", "amd64", "", "cd" * 32)
# Debian has a package of this name too.
_UV = provenance.Package("pypi", "Bash", "1.0", "x86_64", "MIT OR Apache-2.0", "ef" * 32)
_NPM = provenance.Package("npm", "@team/bash", "2.0.0", "any", "Artistic-2.0", "01" * 32)
_AGENT = "usr/local/bin/agent"


def _file(path: str, origin: str, data: bytes = b"data") -> Entry:
    return Entry(path=path, kind=Kind.FILE, mode=0o644, content=Inline(data), origin=origin)


_ENTRIES = [
    Entry(path="bin", kind=Kind.SYMLINK, mode=0o777, target="usr/bin", origin="merged /usr"),
    _file("etc/hostname", "//images/base:base"),
    _file("etc/ssl/bundle", "concatenation of usr/share/*.crt"),
    _file("etc/ssl/bundle.pyc", "bytecode of etc/ssl/bundle.py"),
    _file("usr/bin/bash", str(_BASH)),
    Entry(path="usr/bin/rbash", kind=Kind.HARDLINK, mode=0o644, target="usr/bin/bash", origin=str(_BASH)),
    _file("usr/lib/libstdc++.so.6", str(_CXX)),
    _file("usr/local/bin/uv", str(_UV)),
    _file("usr/local/lib/node_modules/@team/bash/a.js", str(_NPM)),
    _file(_AGENT, "bazel-out/k8/bin/agent"),
]
_REPORT = provenance.Report("x86_64", [_CXX, _UV, _NPM, _BASH], [_AGENT])


def _document(tmp_path: pathlib.Path) -> dict[str, Any]:
    image = tmp_path / "raw-base-x86_64.qcow2"
    image.write_bytes(b"image")
    owners = provenance.assign(_ENTRIES, _REPORT)
    return json.loads(sbom.render(image.name, str(image), _ENTRIES, owners, _REPORT))


def test_every_file_is_listed_with_its_owner(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    names = {file["SPDXID"]: file["fileName"] for file in document["files"]}
    owners = {
        names[relation["relatedSpdxElement"]]: relation["spdxElementId"]
        for relation in document["relationships"]
        if relation["relatedSpdxElement"] in names
    }
    assert owners == {
        "./etc/hostname": "SPDXRef-Image",
        "./etc/ssl/bundle": "SPDXRef-Image",
        "./etc/ssl/bundle.pyc": "SPDXRef-Image",
        "./usr/bin/bash": "SPDXRef-Package-bash",
        "./usr/bin/rbash": "SPDXRef-Package-bash",
        "./usr/lib/libstdc++.so.6": "SPDXRef-Package-libstdc-2b--2b-6",
        "./usr/local/bin/uv": "SPDXRef-Package-pypi-Bash",
        "./usr/local/lib/node_modules/@team/bash/a.js": "SPDXRef-Package-npm--40-team-2f-bash",
        f"./{_AGENT}": "SPDXRef-Image",
    }


def test_digests_are_those_of_the_bytes(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    (bash,) = [file for file in document["files"] if file["fileName"] == "./usr/bin/bash"]
    assert bash["checksums"] == [
        {"algorithm": "SHA1", "checksumValue": hashlib.sha1(b"data").hexdigest()},
        {"algorithm": "SHA256", "checksumValue": hashlib.sha256(b"data").hexdigest()},
    ]
    image = document["packages"][0]
    assert image["checksums"][0]["checksumValue"] == hashlib.sha256(b"image").hexdigest()


def test_packages_have_their_address_in_the_archive(tmp_path: pathlib.Path) -> None:
    bash = _document(tmp_path)["packages"][1]
    assert bash["externalRefs"][0]["referenceLocator"] == "pkg:deb/debian/bash@5.2%2Bx~1?arch=amd64"
    assert (bash["versionInfo"], bash["checksums"][0]["checksumValue"]) == ("5.2+x~1", "ab" * 32)


def test_wheels_have_their_address_in_the_index_and_their_licence(tmp_path: pathlib.Path) -> None:
    (wheel,) = [item for item in _document(tmp_path)["packages"] if item["name"] == "Bash"]
    assert wheel["externalRefs"][0]["referenceLocator"] == "pkg:pypi/bash@1.0"
    assert wheel["licenseDeclared"] == "MIT OR Apache-2.0"
    assert "supplier" not in wheel


def test_npm_packages_have_their_address_in_the_registry(tmp_path: pathlib.Path) -> None:
    (package,) = [item for item in _document(tmp_path)["packages"] if item["name"] == "@team/bash"]
    assert package["externalRefs"][0]["referenceLocator"] == "pkg:npm/%40team/bash@2.0.0"


def test_document_has_what_spdx_demands(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    assert {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"} <= set(document)
    identifiers = [item["SPDXID"] for item in document["packages"] + document["files"]]
    assert len(set(identifiers)) == len(identifiers)
    for relation in document["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= {*identifiers, "SPDXRef-DOCUMENT"}


def test_file_of_no_known_origin_is_an_error() -> None:
    entries = [*_ENTRIES, _file("usr/bin/stray", "zsh 5 (amd64)")]
    with pytest.raises(provenance.ProvenanceError, match="usr/bin/stray: comes from 'zsh 5 .amd64.'"):
        provenance.assign(entries, _REPORT)


def test_package_without_a_file_is_an_error() -> None:
    entries = [entry for entry in _ENTRIES if entry.origin != str(_CXX)]
    with pytest.raises(provenance.ProvenanceError, match="nothing of it in the tree"):
        provenance.assign(entries, _REPORT)


def test_program_that_is_missing_is_an_error() -> None:
    with pytest.raises(provenance.ProvenanceError, match="not in the tree"):
        provenance.assign(_ENTRIES[:-1], _REPORT)


@pytest.mark.parametrize("text", ["", "[]", '{"architecture": "x86_64", "packages": [{"name": "a"}], "binaries": []}'])
def test_report_that_is_none_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "report").write_text(text)
    with pytest.raises(provenance.ProvenanceError, match="no report of mkrootfs"):
        provenance.load_report(str(tmp_path / "report"))


def test_bill_of_a_kernel_names_source_configuration_and_patches(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    source = {"package": "linux-source-6.12", "version": "6.12.1-1", "architecture": "all", "sha256": "ab" * 32}
    report = {
        "kernel_release": "6.12.1-sandbox",
        "source": source,
        "config_sha256": "cd" * 32,
        "patches": [{"name": "own.patch", "sha256": "ef" * 32}],
    }
    document = json.loads(sbom.render_kernel("vmlinuz", str(tmp_path / "vmlinuz"), report))
    image, package = document["packages"]
    assert image["checksums"] == [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(b"kernel").hexdigest()}]
    assert image["versionInfo"] == "6.12.1-sandbox"
    assert image["sourceInfo"] == f"configuration sha256:{'cd' * 32}; patch own.patch sha256:{'ef' * 32}"
    (reference,) = package["externalRefs"]
    assert reference["referenceLocator"] == "pkg:deb/debian/linux-source-6.12@6.12.1-1?arch=all"
    assert package["checksums"] == [{"algorithm": "SHA256", "checksumValue": "ab" * 32}]
    assert {
        "spdxElementId": image["SPDXID"],
        "relationshipType": "GENERATED_FROM",
        "relatedSpdxElement": package["SPDXID"],
    } in document["relationships"]
