"""Test the installer of Bazel with a small lock, and servers in place of archive and snapshot service."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.bootstrap import other_module
from tools.debian import apt_root, lockfile
from tools.packages import deb_testing

_ROOT = pathlib.Path("MODULE.bazel").resolve().parent
_VERSION = (_ROOT / ".bazelversion").read_text().strip()
_LOCK = pathlib.Path("tools/debian/locks/bazel.lock.json")
# The archive dates from the last day of a month: a day later is in the next one.
_DATE = "Mon, 31 Aug 2026 12:00:00 UTC"
_SNAPSHOT = "/archive/debian/20260901T120000Z"

# Each package has a part of the files that the installer needs.
_PACKAGES = {
    "bazel-bootstrap": ["etc/bazel/x", "usr/bin/bazel", "usr/share/bazel/x"],
    "librust-tinyjson-dev": ["usr/share/cargo/registry/tinyjson-1/src/lib.rs"],
    "lib+c~1": ["usr/share/ca-certificates/mozilla/a.crt"],
}


@dataclasses.dataclass
class Machine:
    """A workspace with its lock, and the servers.

    Attributes:
        directory: the workspace; its parent is the cache.
        address: address of both servers.
        files: content of the servers, by path.
        packages: packages in the lock.
    """

    directory: pathlib.Path
    address: str
    files: dict[str, bytes | None]
    packages: list[apt_root.Package]

    @property
    def tree(self) -> pathlib.Path:
        """Return the path of the installed tree."""
        return self.directory.parent / "tree"

    def lock(self) -> None:
        """Write the lock, as the lock tool does."""
        request = lockfile.Request("bazel", "sid", ("x86_64", "aarch64"), ("x",), True, (), str(_LOCK))
        packages = dict.fromkeys(request.architectures, self.packages)
        (self.directory / _LOCK).write_text(lockfile.render(request, packages, {"sid": _DATE}))

    def forget(self, package: apt_root.Package) -> None:
        """Move a package from the archive to the snapshot service."""
        self.files[f"{_SNAPSHOT}/{package.path}"] = self.files.pop(f"/debian/{package.path}")

    def vendor(self) -> pathlib.Path:
        """Move all packages from the archive to a vendor directory."""
        directory = self.directory.parent / "vendor"
        for package in self.packages:
            file = directory / f"content_addressable/sha256/{package.sha256}/file"
            file.parent.mkdir(parents=True)
            file.write_bytes(self.files.pop(f"/debian/{package.path}") or b"")
        return directory

    def install(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installer."""
        return subprocess.run(
            [str(self.directory / "tools/bootstrap/install"), _VERSION, str(self.tree)],
            env={
                "DEBIAN_MIRROR": f"{self.address}/debian",
                "DEBIAN_SNAPSHOT": f"{self.address}/archive",
                "PATH": "/usr/bin:/bin",
            }
            | variables,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture()
def machine(tmp_path: pathlib.Path) -> Iterator[Machine]:
    directory = tmp_path / "workspace"
    shutil.copytree(_ROOT / "tools/bootstrap", directory / "tools/bootstrap")
    (directory / _LOCK).parent.mkdir(parents=True)
    files: dict[str, bytes | None] = {}
    packages: list[apt_root.Package] = []
    for name, paths in _PACKAGES.items():
        version = f"{_VERSION}+ds-1" if name == "bazel-bootstrap" else "1:2~3"
        members = [deb_testing.member(f"./{path}", f"{name}\n") for path in paths]
        deb = pathlib.Path(deb_testing.deb(tmp_path / f"{name}.deb", members, name="demo"))
        path = f"pool/main/x/{name}_{version.rpartition(':')[2]}_all.deb"
        sha256 = other_module.sha256(deb.read_bytes())
        packages.append(apt_root.Package(name, version, "all", "debian", path, deb.stat().st_size, sha256))
        files[f"/debian/{path}"] = deb.read_bytes()
    with other_module.serve(files) as address:
        machine = Machine(directory, address, files, packages)
        machine.lock()
        yield machine


def test_install_creates_tree_from_lock(machine: Machine) -> None:
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert (machine.tree / "usr/bin/bazel").read_text() == "bazel-bootstrap\n"
    assert (machine.tree / "usr/share/bazel/modules/tinyjson/src/lib.rs").exists()
    assert (machine.tree / "usr/share/bazel/label/build-data.properties").read_text() == f"build.label={_VERSION}\n"
    assert (machine.tree / "etc/ssl/certs/ca-certificates.crt").read_text() == "lib+c~1\n"
    assert {path.name for path in machine.tree.parent.glob("tree*")} == {"tree"}


@pytest.mark.parametrize("spoiled", [None, b"other"], ids=["dropped", "changed"])
def test_lost_package_comes_from_snapshot_service(machine: Machine, spoiled: bytes | None) -> None:
    for package in machine.packages:
        machine.forget(package)
        if spoiled:
            machine.files[f"/debian/{package.path}"] = spoiled
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert f"trying {machine.address}{_SNAPSHOT}" in done.stderr
    assert (machine.tree / "usr/bin/bazel").exists()


def test_missing_package_is_named_with_every_answer(machine: Machine) -> None:
    package = machine.packages[0]
    machine.forget(package)
    machine.files[f"{_SNAPSHOT}/{package.path}"] = b"other"
    done = machine.install()
    assert done.returncode == 2
    for address, answer in (("/debian", "404 +Not Found"), (_SNAPSHOT, "Hash Sum mismatch")):
        path = re.escape(package.path.replace("+", "%2b"))
        assert re.search(f"Failed to fetch {machine.address}{address}/{path} +{answer}", done.stderr), done.stderr
    last = done.stderr.splitlines()[-1]
    assert f"Tried: {machine.address}/debian and {machine.address}{_SNAPSHOT}" in last
    # A stale lock must not prevent its own update.
    assert "BAZELW_UNLOCKED=1" in last
    assert not list(machine.tree.parent.glob("tree*"))


def test_vendored_packages_become_a_tree(machine: Machine) -> None:
    done = machine.install(BAZELW_VENDOR=str(machine.vendor()))
    assert done.returncode == 0, done.stderr
    assert (machine.tree / "usr/bin/bazel").read_text() == "bazel-bootstrap\n"
    assert (machine.tree / "usr/share/bazel/modules/tinyjson/src/lib.rs").exists()


def test_package_that_the_vendor_directory_lacks_is_named(machine: Machine) -> None:
    package = machine.packages[2]
    directory = machine.vendor()
    (directory / f"content_addressable/sha256/{package.sha256}/file").unlink()
    done = machine.install(BAZELW_VENDOR=str(directory))
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert f"BAZELW_VENDOR={directory}: has no Debian package lib+c~1_all.deb (sha256 {package.sha256})" in last
    assert "./bazelw run //:vendor -- --out=DIR" in last
    assert not list(machine.tree.parent.glob("tree*"))


def test_vendored_package_with_other_bytes_is_refused(machine: Machine) -> None:
    directory = machine.vendor()
    (directory / f"content_addressable/sha256/{machine.packages[1].sha256}/file").write_bytes(b"other")
    done = machine.install(BAZELW_VENDOR=str(directory))
    assert done.returncode == 2
    assert "librust-tinyjson-dev_all.deb: FAILED" in done.stdout + done.stderr
    assert f"BAZELW_VENDOR={directory}: the packages differ from those of Bazel's lock" in done.stderr.splitlines()[-1]
    assert not list(machine.tree.parent.glob("tree*"))


def test_lock_of_other_bazel_is_rejected(machine: Machine) -> None:
    machine.packages[0] = dataclasses.replace(machine.packages[0], version="6.5.0+ds-1")
    machine.lock()
    done = machine.install()
    assert done.returncode == 2
    assert f"has bazel-bootstrap 6.5.0+ds-1 and this workspace needs {_VERSION}" in done.stderr


def test_lock_pins_bazel_of_this_workspace() -> None:
    packages = json.loads((_ROOT / _LOCK).read_text())["packages"]
    for listed in packages.values():
        (bazel,) = [package for package in listed if package["name"] == "bazel-bootstrap"]
        assert bazel["version"].startswith(f"{_VERSION}+")


def test_lock_answers_the_request_of_the_module() -> None:
    request = lockfile.read_requests(pathlib.Path(os.environ["REQUESTS"]))["bazel"]
    rendered = json.loads(lockfile.render(request, {}, {}))
    assert json.loads((_ROOT / _LOCK).read_text())["request"] == rendered["request"]


def test_readme_has_the_sizes_of_downloads() -> None:
    readme = (_ROOT / "README.md").read_text()
    (bazel,) = re.findall(r"(\d+) MB to download, once", readme)
    (others,) = re.findall(r"All other locked Debian packages are about (\d+) GB", readme)
    sizes: dict[str, int] = {}
    for path in (_ROOT / _LOCK).parent.glob("*.lock.json"):
        for packages in json.loads(path.read_text())["packages"].values():
            if path.name == _LOCK.name:
                assert abs(sum(package["size"] for package in packages) / 1e6 - int(bazel)) < 5
            else:
                sizes |= {package["sha256"]: package["size"] for package in packages}
    assert round(sum(sizes.values()) / 1e9) == int(others)
