"""The lock tool, with a small signed archive and apt itself."""

from __future__ import annotations

import json
import pathlib
import tempfile
from collections.abc import Iterator

import pysequoia
import pytest

from tools.cli import cli, cli_testing, errors
from tools.debian import archive_testing, lock_main

_REQUEST = {
    "architectures": ["x86_64"],
    "closure": True,
    "lock": "demo.lock.json",
    "packages": ["app"],
    "suite": "trixie",
    "exclude": [],
}


@pytest.fixture()
def archive() -> Iterator[archive_testing.Archive]:
    # apt derives a file name from the whole address of an index: the directory's path has to be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        pathlib.Path(directory, "requests.json").write_text(json.dumps({"demo": _REQUEST}))
        yield archive_testing.Archive(pathlib.Path(directory))


def _lock(archive: archive_testing.Archive, **flags: object) -> pathlib.Path:
    values = {
        "requests": f"{archive.directory}/requests.json",
        "keyring": str(archive.keyring),
        "workspace": str(archive.directory),
        "mirror": f"file:{archive.directory}/debian",
        "security_mirror": f"file:{archive.directory}/debian-security",
    }
    cli_testing.call(lock_main.main, **(values | flags))
    return archive.directory / "demo.lock.json"


def test_lock_contains_the_closure_with_digests(archive: archive_testing.Archive) -> None:
    packages = json.loads(_lock(archive).read_text())["packages"]["x86_64"]
    assert {"app", "base", "lib"} <= {package["name"] for package in packages}
    assert all(len(package["sha256"]) == 64 for package in packages)


def test_archive_signed_by_another_key_changes_no_lock(archive: archive_testing.Archive) -> None:
    before = _lock(archive).read_bytes()
    (archive.directory / "demo.lock.json").write_bytes(before + b"\n")
    other = pysequoia.Tsk.generate("Other <other@example.org>")
    archive.keyring.write_bytes(bytes(other.extract_certificate()))
    with pytest.raises(errors.InputError, match="(?i)demo: .*(sign|NO_PUBKEY|verif).*its lock is unchanged"):
        _lock(archive)
    assert (archive.directory / "demo.lock.json").read_bytes() == before + b"\n"


def test_unresolvable_request_is_named(archive: archive_testing.Archive) -> None:
    request = _REQUEST | {"packages": ["nothing"]}
    (archive.directory / "requests.json").write_text(json.dumps({"demo": request}))
    with pytest.raises(errors.InputError, match="demo: .*nothing.*MODULE.bazel"):
        _lock(archive)


def test_archives_default_to_those_of_the_machine(
    archive: archive_testing.Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBIAN_MIRROR", f"file:{archive.directory}/debian/")
    monkeypatch.setenv("DEBIAN_SECURITY_MIRROR", f"file:{archive.directory}/debian-security")
    packages = json.loads(_lock(archive, mirror="", security_mirror="").read_text())["packages"]["x86_64"]
    assert {package["archive"] for package in packages} == {"debian", "debian-security"}


def test_suite_without_updates_is_locked(archive: archive_testing.Archive) -> None:
    # Its Release file has expired, as sid's sometimes does.
    archive.publish("debian", "sid", archive_testing.PACKAGES, "Valid-Until: Wed, 02 Sep 2020 00:00:00 UTC\n")
    (archive.directory / "requests.json").write_text(json.dumps({"demo": _REQUEST | {"suite": "sid"}}))
    lock = json.loads(_lock(archive).read_text())
    assert {package["archive"] for package in lock["packages"]["x86_64"]} == {"debian"}
    assert lock["releases"].keys() == {"sid"}


def test_unknown_request_is_bad_usage(archive: archive_testing.Archive) -> None:
    with pytest.raises(cli.UsageError):
        _lock(archive, only="other")
