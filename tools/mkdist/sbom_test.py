"""The bill of materials is complete, or the build fails."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind
from tools.mkdist import ownership, sbom

_BASH = ownership.Package("deb", "bash", "5.2+x~1", "amd64", "", "ab" * 32)
_CXX = ownership.Package("deb", "libstdc++6", "14", "amd64", "", "cd" * 32)
# Debian has a package of this name, too.
_UV = ownership.Package("pypi", "Bash", "1.0", "x86_64", "MIT OR Apache-2.0", "ef" * 32)
_NPM = ownership.Package("npm", "@team/bash", "2.0.0", "any", "Artistic-2.0", "01" * 32)
_AGENT = "usr/local/bin/agent"
_MODULES = "usr/local/lib/node_modules/@team/bash/node_modules"
_COPYRIGHT = b"""Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 1989 Somebody
License: GPL-3+

Files: lib/*
License: permissive
 Do what you like.
"""


def _file(path: str, origin: str, data: bytes = b"data") -> Entry:
    return Entry(path=path, kind=Kind.FILE, mode=0o644, content=Inline(data), origin=origin)


_ENTRIES = [
    Entry(path="opt", kind=Kind.DIRECTORY, mode=0o755, origin="guest binary"),
    Entry(path="bin", kind=Kind.SYMLINK, mode=0o777, target="usr/bin", origin="merged /usr"),
    _file("etc/hostname", "//images/base:base"),
    _file("etc/ssl/bundle", "concatenation of usr/share/*.crt"),
    _file("etc/ssl/bundle.pyc", "bytecode of etc/ssl/bundle.py"),
    _file("usr/bin/bash", str(_BASH)),
    Entry(path="usr/bin/rbash", kind=Kind.HARDLINK, mode=0o644, target="usr/bin/bash", origin=str(_BASH)),
    _file("usr/lib/libstdc++.so.6", str(_CXX)),
    _file("usr/lib/os-release", "//images/base:base", b'NAME="Debian"\nID=debian\nVERSION_ID="13"\n'),
    _file("usr/local/bin/uv", str(_UV)),
    _file("usr/local/lib/node_modules/@team/bash/a.js", str(_NPM)),
    _file("usr/local/lib/node_modules/@team/bash/package.json", str(_NPM)),
    _file(f"{_MODULES}/@a/b/package.json", str(_NPM), b'{"name": "@a/b", "version": "1.0.0", "license": "ISC"}'),
    _file(f"{_MODULES}/c/node_modules/@a/b/package.json", str(_NPM), b'{"name": "@a/b", "version": "1.0.0"}'),
    _file(f"{_MODULES}/c/package.json", str(_NPM), b'{"version": 2, "license": "SEE LICENSE IN \\ud800"}'),
    _file("usr/share/doc/bash/copyright", str(_BASH), _COPYRIGHT),
    _file("var/lib/dpkg/status.d/bash", str(_BASH), b"Package: bash\nSource: bash (5.2+x~1)\n"),
    _file("var/lib/dpkg/status.d/libstdc++6", str(_CXX), b"Package: libstdc++6\nSource: gcc-14 (14.2)\n"),
    _file(_AGENT, "bazel-out/k8/bin/agent"),
]
_REPORT = ownership.Report("x86_64", [_CXX, _UV, _NPM, _BASH], [_AGENT])


def _document(tmp_path: pathlib.Path) -> dict[str, Any]:
    image = tmp_path / "raw-base-x86_64.qcow2"
    image.write_bytes(b"image")
    owners = ownership.assign(_ENTRIES, _REPORT)
    return json.loads(sbom.render(image.name, str(image), _ENTRIES, owners, _REPORT))


def _packages(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [package for package in document["packages"] if package["name"] == name]


def _messages(path: pathlib.Path, text: str) -> list[str]:
    """Return the objections of the SPDX validator."""
    path.write_text(text)
    return [message.validation_message for message in validate_full_spdx_document(parse_file(str(path)))]


def test_document_of_an_image_is_valid(tmp_path: pathlib.Path) -> None:
    assert _messages(tmp_path / "image.spdx.json", json.dumps(_document(tmp_path))) == []


def test_name_that_is_not_utf_8_is_written_as_text(tmp_path: pathlib.Path) -> None:
    image = tmp_path / "raw-base-x86_64.qcow2"
    image.write_bytes(b"image")
    entries = [*_ENTRIES, _file("usr/share/caf\udce9", str(_BASH))]
    text = sbom.render(image.name, str(image), entries, ownership.assign(entries, _REPORT), _REPORT)
    assert "./usr/share/caf\\xe9" in [file["fileName"] for file in json.loads(text)["files"]]
    text.encode()


def test_every_file_is_in_the_image_and_names_its_package(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    names = {file["SPDXID"]: file["fileName"] for file in document["files"]}
    contained = [
        names[relation["relatedSpdxElement"]]
        for relation in document["relationships"]
        if relation["spdxElementId"] == "SPDXRef-Image" and relation["relatedSpdxElement"] in names
    ]
    assert contained == [f"./{entry.path}" for entry in _ENTRIES if entry.kind in (Kind.FILE, Kind.HARDLINK)]
    origins = {
        names[relation["spdxElementId"]]: relation["relatedSpdxElement"]
        for relation in document["relationships"]
        if relation["relationshipType"] == "EXPANDED_FROM_ARCHIVE"
    }
    assert "./etc/hostname" not in origins
    assert origins["./usr/bin/rbash"] == "SPDXRef-Package-bash"
    assert origins["./usr/lib/libstdc++.so.6"] == "SPDXRef-Package-libstdc-2b--2b-6"
    assert origins["./usr/local/bin/uv"] == "SPDXRef-Package-pypi-Bash"
    assert origins["./usr/local/lib/node_modules/@team/bash/a.js"] == "SPDXRef-Package-npm--40-team-2f-bash"


def test_verification_code_covers_all_files(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    digests = sorted(file["checksums"][0]["checksumValue"] for file in document["files"])
    code = document["packages"][0]["packageVerificationCode"]["packageVerificationCodeValue"]
    assert code == hashlib.sha1("".join(digests).encode()).hexdigest()


def test_digests_are_computed_from_the_bytes(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    (bash,) = [file for file in document["files"] if file["fileName"] == "./usr/bin/bash"]
    assert bash["checksums"] == [
        {"algorithm": "SHA1", "checksumValue": hashlib.sha1(b"data").hexdigest()},
        {"algorithm": "SHA256", "checksumValue": hashlib.sha256(b"data").hexdigest()},
    ]
    image = document["packages"][0]
    assert image["checksums"][0]["checksumValue"] == hashlib.sha256(b"image").hexdigest()


def test_debian_package_has_a_url_with_distribution_and_source(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    (bash,), (cxx,) = _packages(document, "bash"), _packages(document, "libstdc++6")
    assert bash["externalRefs"][0]["referenceLocator"] == "pkg:deb/debian/bash@5.2%2Bx~1?arch=amd64&distro=debian-13"
    assert cxx["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/libstdc%2B%2B6@14?arch=amd64&distro=debian-13&upstream=gcc-14%4014.2"
    )
    assert (bash["versionInfo"], bash["checksums"][0]["checksumValue"]) == ("5.2+x~1", "ab" * 32)


def test_machine_readable_copyright_file_declares_licences(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    (permissive,) = document["hasExtractedLicensingInfos"]
    (bash,), (cxx,) = _packages(document, "bash"), _packages(document, "libstdc++6")
    assert permissive["extractedText"] == "Do what you like."
    assert bash["licenseDeclared"] == f"GPL-3.0-or-later AND {permissive['licenseId']}"
    assert cxx["licenseDeclared"] == "NOASSERTION"


def test_wheel_has_its_url_and_licence(tmp_path: pathlib.Path) -> None:
    (wheel,) = [item for item in _document(tmp_path)["packages"] if item["name"] == "Bash"]
    assert wheel["externalRefs"][0]["referenceLocator"] == "pkg:pypi/bash@1.0"
    assert wheel["licenseDeclared"] == "MIT OR Apache-2.0"
    assert "supplier" not in wheel


def test_npm_package_has_its_url(tmp_path: pathlib.Path) -> None:
    (package,) = [item for item in _document(tmp_path)["packages"] if item["name"] == "@team/bash"]
    assert package["externalRefs"][0]["referenceLocator"] == "pkg:npm/%40team/bash@2.0.0"


def test_bundled_npm_modules_are_packages(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    (module,), (nameless,) = _packages(document, "@a/b"), _packages(document, "c")
    assert module["externalRefs"][0]["referenceLocator"] == "pkg:npm/%40a/b@1.0.0"
    assert (module["versionInfo"], module["licenseDeclared"]) == ("1.0.0", "ISC")
    assert module["sourceInfo"] == f"in {_MODULES}/@a/b, {_MODULES}/c/node_modules/@a/b"
    assert nameless["externalRefs"][0]["referenceLocator"] == "pkg:npm/c"
    assert (nameless["licenseDeclared"], "versionInfo" in nameless) == ("NOASSERTION", False)
    owners = [item for item in document["relationships"] if item["relatedSpdxElement"] == module["SPDXID"]]
    assert [(item["spdxElementId"], item["relationshipType"]) for item in owners] == [
        ("SPDXRef-Package-npm--40-team-2f-bash", "CONTAINS")
    ]


def test_unlisted_licence_is_a_comment(tmp_path: pathlib.Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"image")
    package = ownership.Package("npm", "odd", "1", "any", "Nobody-1.0", "ab" * 32)
    entries = [_file("usr/local/lib/node_modules/odd/a.js", str(package))]
    report = ownership.Report("x86_64", [package], [])
    text = sbom.render("image", str(image), entries, ownership.assign(entries, report), report)
    (odd,) = _packages(json.loads(text), "odd")
    assert (odd["licenseDeclared"], odd["licenseComments"]) == ("NOASSERTION", "The package states 'Nobody-1.0'.")
    assert _messages(tmp_path / "odd.spdx.json", text) == []


def test_document_has_the_required_fields(tmp_path: pathlib.Path) -> None:
    document = _document(tmp_path)
    assert {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"} <= set(document)
    identifiers = [item["SPDXID"] for item in document["packages"] + document["files"]]
    assert len(set(identifiers)) == len(identifiers)
    for relation in document["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= {*identifiers, "SPDXRef-DOCUMENT"}


def test_file_of_unknown_origin_is_rejected() -> None:
    entries = [*_ENTRIES, _file("usr/bin/stray", "zsh 5 (amd64)")]
    with pytest.raises(ownership.OwnershipError, match="usr/bin/stray: comes from 'zsh 5 .amd64.'"):
        ownership.assign(entries, _REPORT)


def test_package_without_a_file_is_rejected() -> None:
    entries = [entry for entry in _ENTRIES if entry.origin != str(_CXX)]
    with pytest.raises(ownership.OwnershipError, match="nothing of it is in the tree"):
        ownership.assign(entries, _REPORT)


def test_missing_program_is_rejected() -> None:
    with pytest.raises(ownership.OwnershipError, match="not in the tree"):
        ownership.assign(_ENTRIES[:-1], _REPORT)


@pytest.mark.parametrize("text", ["", "[]", '{"architecture": "x86_64", "packages": [{"name": "a"}], "binaries": []}'])
def test_malformed_report_is_rejected(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "report").write_text(text)
    with pytest.raises(ownership.OwnershipError, match="not a report of mkrootfs"):
        ownership.load_report(str(tmp_path / "report"))


def test_kernel_document_names_source_configuration_and_patches(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    source = {"package": "linux-source-6.12", "version": "6.12.1-1", "architecture": "all", "sha256": "ab" * 32}
    report = {
        "kernel_release": "6.12.1-sandbox",
        "source": source,
        "config_sha256": "cd" * 32,
        "patches": [{"name": "own.patch", "sha256": "ef" * 32}],
    }
    text = sbom.render_kernel("vmlinuz", str(tmp_path / "vmlinuz"), report)
    assert _messages(tmp_path / "vmlinuz.spdx.json", text) == []
    document = json.loads(text)
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
