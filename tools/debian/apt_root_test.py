"""The resolver, with a small signed archive that the test makes and apt itself."""

from __future__ import annotations

import hashlib
import pathlib
import tempfile
import textwrap
from collections.abc import Iterator

import pysequoia
import pytest

from tools.debian import apt_root

_PACKAGES = """\
Package: app
Version: 1:2.0+x~1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Depends: lib (>= 1), base
Filename: pool/main/a/app/app_2.0+x~1_amd64.deb
Size: 10
SHA256: {a}

Package: lib
Version: 1.0
Architecture: all
Maintainer: Archive <archive@example.org>
Filename: pool/main/l/lib/lib_1.0_all.deb
Size: 20
SHA256: {b}

Package: base
Version: 3
Architecture: amd64
Maintainer: Archive <archive@example.org>
Filename: pool/main/b/base/base_3_amd64.deb
Size: 30
SHA256: {c}

Package: rival
Version: 1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Conflicts: base
Filename: pool/main/r/rival/rival_1_amd64.deb
Size: 40
SHA256: {d}

Package: broken
Version: 1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Depends: lib (>= 7)
Filename: pool/main/b/broken/broken_1_amd64.deb
Size: 50
SHA256: {e}
""".format(**{letter: letter * 64 for letter in "abcde"})

_FIXED = """\
Package: base
Version: 3+deb13u1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Filename: pool/updates/main/b/base/base_3+deb13u1_amd64.deb
Size: 31
SHA256: {}
""".format("f" * 64)


class Archive:
    """An archive of three suites in a folder, and its keyring."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.key = pysequoia.Tsk.generate("Archive <archive@example.org>")
        self.keyring = folder / "keyring.gpg"
        self.keyring.write_bytes(bytes(self.key.extract_certificate()))
        self.publish("debian", "trixie", _PACKAGES)
        self.publish("debian", "trixie-updates", "")
        self.publish("debian-security", "trixie-security", _FIXED)

    def publish(self, archive: str, suite: str, packages: str) -> None:
        """Writes a suite's index and its signed Release file."""
        index = "main/binary-amd64/Packages"
        suite_folder = self.folder / archive / "dists" / suite
        (suite_folder / index).parent.mkdir(parents=True, exist_ok=True)
        (suite_folder / index).write_text(packages)
        digest = hashlib.sha256(packages.encode()).hexdigest()
        release = textwrap.dedent(f"""\
            Origin: Test
            Codename: {suite}
            Suite: {suite}
            Date: Tue, 01 Sep 2026 00:00:00 UTC
            Architectures: amd64
            Components: main
            SHA256:
             {digest} {len(packages.encode())} {index}
            """)
        signed = pysequoia.sign(self.key.signer(), release.encode(), mode=pysequoia.SignatureMode.CLEAR)
        (suite_folder / "InRelease").write_bytes(signed)

    def apt(self) -> apt_root.AptRoot:
        """Returns an apt root that reads this archive."""
        mirrors = {name: f"file:{self.folder}/{name}" for name in ("debian", "debian-security")}
        return apt_root.AptRoot(self.folder / "apt", "trixie", "amd64", mirrors, self.keyring)


@pytest.fixture()
def archive() -> Iterator[Archive]:
    # apt makes a file's name of an index's whole address: the folder's path has to be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Archive(pathlib.Path(folder))


@pytest.fixture()
def apt(archive: Archive) -> apt_root.AptRoot:
    apt = archive.apt()
    apt.update()
    return apt


def test_closure_has_the_dependencies(apt: apt_root.AptRoot) -> None:
    assert [package.name for package in apt.resolve(["app"], closure=True)] == ["app", "base", "lib"]


def test_package_is_described_whole(apt: apt_root.AptRoot) -> None:
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


def test_left_out_packages_are_left_out(apt: apt_root.AptRoot) -> None:
    names = [package.name for package in apt.resolve(["app"], closure=True, without=["base"])]
    assert names == ["app", "lib"]


def test_release_dates_are_told(apt: apt_root.AptRoot) -> None:
    assert apt.releases()["trixie-security"] == "Tue, 01 Sep 2026 00:00:00 UTC"


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        (["nonesuch"], "Unable to locate package nonesuch"),
        (["app", "rival"], "rival:amd64 Conflicts base"),
        (["broken"], "broken : Depends: lib (>= 7)"),
    ],
)
def test_refusals_name_the_package(apt: apt_root.AptRoot, packages: list[str], words: str) -> None:
    with pytest.raises(apt_root.AptError, match="E: ") as caught:
        apt.resolve(packages, closure=True)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_keys_signature_is_refused(archive: Archive) -> None:
    other = pysequoia.Tsk.generate("Other <other@example.org>")
    archive.keyring.write_bytes(bytes(other.extract_certificate()))
    with pytest.raises(apt_root.AptError, match="(?i)sign|NO_PUBKEY|verif"):
        archive.apt().update()


def test_index_other_than_the_signed_one_is_refused(archive: Archive) -> None:
    index = archive.folder / "debian/dists/trixie/main/binary-amd64/Packages"
    index.write_text(index.read_text().replace("a" * 64, "0" * 64))
    with pytest.raises(apt_root.AptError, match="(?i)hash|size"):
        archive.apt().update()


def test_missing_suite_is_refused(archive: Archive) -> None:
    (archive.folder / "debian-security/dists/trixie-security/InRelease").unlink()
    with pytest.raises(apt_root.AptError, match="trixie-security"):
        archive.apt().update()
