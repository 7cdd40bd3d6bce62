"""The resolver, with apt itself and a small signed archive that the test creates."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

import pysequoia
import pytest

from tools.debian import apt_root
from tools.debian.archive_testing import Archive


@pytest.fixture()
def archive() -> Iterator[Archive]:
    # apt derives a file name from the whole address of an index: the directory's path has to be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Archive(pathlib.Path(directory))


@pytest.fixture()
def apt(archive: Archive) -> apt_root.AptRoot:
    apt = archive.apt()
    apt.update()
    return apt


def test_closure_contains_dependencies(apt: apt_root.AptRoot) -> None:
    assert [package.name for package in apt.resolve(["app"], closure=True)] == ["app", "base", "lib"]


def test_package_has_all_fields(apt: apt_root.AptRoot) -> None:
    assert apt.resolve(["app"], closure=False) == [
        apt_root.Package(
            name="app",
            version="1:2.0+x~1",
            architecture="amd64",
            archive="debian",
            path="pool/main/a/app/app_2.0+x~1_amd64.deb",
            size=10,
            sha256="a" * 64,
        )
    ]


def test_security_archive_wins(apt: apt_root.AptRoot) -> None:
    (package,) = apt.resolve(["base"], closure=True)
    assert (package.archive, package.version) == ("debian-security", "3+deb13u1")


def test_closure_lacks_excluded_packages(apt: apt_root.AptRoot) -> None:
    names = [package.name for package in apt.resolve(["app"], closure=True, exclude=["base"])]
    assert names == ["app", "lib"]


def test_package_in_an_exact_version_can_be_excluded(apt: apt_root.AptRoot) -> None:
    assert [package.name for package in apt.resolve(["twin"], closure=True, exclude=["base", "nonesuch"])] == ["twin"]


def test_package_of_the_same_source_can_be_excluded(apt: apt_root.AptRoot) -> None:
    # apt keeps the packages of one source together.
    assert [package.name for package in apt.resolve(["libpair"], closure=True, exclude=["pair-data"])] == ["libpair"]


def test_backports_win_over_their_suite(archive: Archive) -> None:
    apt = archive.apt("trixie-backports")
    apt.update()
    found = {package.name: package.version for package in apt.resolve(["app"], closure=True)}
    assert found == {"app": "1:3.0~bpo13+1", "base": "3+deb13u1", "lib": "2.0~bpo13+1"}
    assert apt.newest(["app", "base"]) == {"app": "1:3.0~bpo13+1", "base": "3+deb13u1"}
    assert {"trixie", "trixie-backports", "trixie-security"} <= apt.releases().keys()


def test_suite_takes_nothing_from_its_backports(apt: apt_root.AptRoot) -> None:
    assert apt.newest(["app"]) == {"app": "1:2.0+x~1"}


def test_releases_have_their_dates(apt: apt_root.AptRoot) -> None:
    assert apt.releases()["trixie-security"] == "Tue, 01 Sep 2026 00:00:00 UTC"


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        (["nonesuch"], "Unable to locate package nonesuch"),
        (["app", "rival"], "rival:amd64 Conflicts base"),
        (["broken"], "broken : Depends: lib (>= 7)"),
    ],
)
def test_unresolvable_request_names_the_package(apt: apt_root.AptRoot, packages: list[str], words: str) -> None:
    with pytest.raises(apt_root.AptError, match="E: ") as caught:
        apt.resolve(packages, closure=True)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_signature_of_another_key_is_rejected(archive: Archive) -> None:
    other = pysequoia.Tsk.generate("Other <other@example.org>")
    archive.keyring.write_bytes(bytes(other.extract_certificate()))
    with pytest.raises(apt_root.AptError, match="(?i)sign|NO_PUBKEY|verif"):
        archive.apt().update()


def test_unsigned_index_is_rejected(archive: Archive) -> None:
    index = archive.directory / "debian/dists/trixie/main/binary-amd64/Packages"
    index.write_text(index.read_text().replace("a" * 64, "0" * 64))
    with pytest.raises(apt_root.AptError, match="(?i)hash|size"):
        archive.apt().update()


def test_missing_suite_is_rejected(archive: Archive) -> None:
    (archive.directory / "debian-security/dists/trixie-security/InRelease").unlink()
    with pytest.raises(apt_root.AptError, match="trixie-security"):
        archive.apt().update()
