"""The bill of materials of an image from the build."""

from __future__ import annotations

import json
import os

from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

_PATH = os.environ["SBOM"]


def test_document_is_valid() -> None:
    assert [message.validation_message for message in validate_full_spdx_document(parse_file(_PATH))] == []


def test_every_package_has_a_url() -> None:
    with open(_PATH, encoding="utf-8") as stream:
        _, *packages = json.load(stream)["packages"]
    urls = [reference["referenceLocator"] for package in packages for reference in package["externalRefs"]]
    assert len(urls) == len(packages) > 0
    assert all(url.startswith("pkg:") for url in urls)
