"""The bundle, of packages that the test makes."""

from __future__ import annotations

import pathlib

import pytest

from tools.mkcabundle import bundle
from tools.mkrootfs import deb_testing

_FOLDER = "./usr/share/ca-certificates/mozilla/"


def _pem(letter: str) -> bytes:
    return f"-----BEGIN CERTIFICATE-----\n{letter * 64}\n-----END CERTIFICATE-----\n".encode()


def _package(folder: pathlib.Path, files: dict[str, bytes], name: str = "ca-certificates") -> str:
    members = [deb_testing.member(path, data) for path, data in files.items()]
    return deb_testing.deb(folder / f"{name}.deb", members, name=name, architecture="all")


def test_certificates_in_order_of_their_names(tmp_path: pathlib.Path) -> None:
    files = {f"{_FOLDER}B.crt": _pem("B"), f"{_FOLDER}A.crt": _pem("A") + b"\n", "./usr/share/doc/x.crt": b"no"}
    packages = [_package(tmp_path, {}, name="other"), _package(tmp_path, files)]
    assert bundle.make(packages, tmp_path) == _pem("A") + _pem("B")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no certificates"),
        ({f"{_FOLDER}A.crt": b"-----BEGIN PRIVATE KEY-----\n"}, "A.crt: is not one certificate"),
        ({f"{_FOLDER}A.crt": _pem("A")[:-10]}, "is not one certificate"),
        ({f"{_FOLDER}A.crt": _pem("A") + b"extra"}, "is not one certificate"),
    ],
)
def test_refused_packages(tmp_path: pathlib.Path, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(bundle.BundleError, match=words):
        bundle.make([_package(tmp_path, files)], tmp_path)


def test_packages_without_the_one_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(bundle.BundleError, match="name ca-certificates once"):
        bundle.make([_package(tmp_path, {}, name="other")], tmp_path)
