"""A small signed archive for tests."""

from __future__ import annotations

import hashlib
import pathlib
import textwrap

import pysequoia

from tools.debian import apt_root

PACKAGES = """\
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

Package: twin
Version: 1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Depends: base (= 3+deb13u1)
Filename: pool/main/t/twin/twin_1_amd64.deb
Size: 60
SHA256: {f}

Package: libpair
Source: pair
Version: 2
Architecture: amd64
Maintainer: Archive <archive@example.org>
Depends: pair-data
Filename: pool/main/p/pair/libpair_2_amd64.deb
Size: 70
SHA256: {a}

Package: pair-data
Source: pair
Version: 2
Architecture: all
Maintainer: Archive <archive@example.org>
Installed-Size: 80
Filename: pool/main/p/pair/pair-data_2_all.deb
Size: 80
SHA256: {b}

Package: broken
Version: 1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Depends: lib (>= 7)
Filename: pool/main/b/broken/broken_1_amd64.deb
Size: 50
SHA256: {e}
""".format(**{letter: letter * 64 for letter in "abcdef"})

FIXED = """\
Package: base
Version: 3+deb13u1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Filename: pool/updates/main/b/base/base_3+deb13u1_amd64.deb
Size: 31
SHA256: {}
""".format("f" * 64)


BACKPORTS = """\
Package: app
Version: 1:3.0~bpo13+1
Architecture: amd64
Maintainer: Archive <archive@example.org>
Depends: lib (>= 2~), base
Filename: pool/main/a/app/app_3.0~bpo13+1_amd64.deb
Size: 11
SHA256: {a}

Package: lib
Version: 2.0~bpo13+1
Architecture: all
Maintainer: Archive <archive@example.org>
Filename: pool/main/l/lib/lib_2.0~bpo13+1_all.deb
Size: 21
SHA256: {b}
""".format(a="a" * 64, b="b" * 64)


class Archive:
    """An archive of four suites in a directory, and its keyring."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.key = pysequoia.Tsk.generate("Archive <archive@example.org>")
        self.keyring = directory / "keyring.gpg"
        self.keyring.write_bytes(bytes(self.key.extract_certificate()))
        self.publish("debian", "trixie", PACKAGES)
        self.publish("debian", "trixie-updates", "")
        # As Debian marks them: apt takes nothing from there unless told to.
        self.publish("debian", "trixie-backports", BACKPORTS, "NotAutomatic: yes\nButAutomaticUpgrades: yes\n")
        self.publish("debian-security", "trixie-security", FIXED)

    def publish(self, archive: str, suite: str, packages: str, fields: str = "") -> None:
        """Write a suite's index and its signed Release file, with further fields."""
        index = "main/binary-amd64/Packages"
        suite_directory = self.directory / archive / "dists" / suite
        (suite_directory / index).parent.mkdir(parents=True, exist_ok=True)
        (suite_directory / index).write_text(packages)
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
        release = fields + release
        signed = pysequoia.sign(self.key.signer(), release.encode(), mode=pysequoia.SignatureMode.CLEAR)
        (suite_directory / "InRelease").write_bytes(signed)

    def apt(self, suite: str = "trixie") -> apt_root.AptRoot:
        """Return an apt root that reads this archive, for a suite."""
        mirrors = {name: f"file:{self.directory}/{name}" for name in ("debian", "debian-security")}
        return apt_root.AptRoot(self.directory / "apt", suite, "amd64", mirrors, self.keyring)
