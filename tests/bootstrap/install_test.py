"""The installer of Bazel: the real script, a small lock, and servers that play the archive and the snapshot service."""

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

# Each has a part of what the installer works on.
_PACKAGES = {
    "bazel-bootstrap": ["etc/bazel/x", "usr/bin/bazel", "usr/share/bazel/x"],
    "librust-tinyjson-dev": ["usr/share/cargo/registry/tinyjson-1/src/lib.rs"],
    "lib+c~1": ["usr/share/ca-certificates/mozilla/a.crt"],
}


@dataclasses.dataclass
class Machine:
    """A workspace with its lock, and the servers.

    Attributes:
        folder: the workspace; its parent is the cache.
        address: of both servers.
        files: what the servers have, by path.
        packages: what the lock pins.
    """

    folder: pathlib.Path
    address: str
    files: dict[str, bytes | None]
    packages: list[apt_root.Package]

    @property
    def tree(self) -> pathlib.Path:
        """Where Bazel is installed."""
        return self.folder.parent / "tree"

    def lock(self) -> None:
        """Writes the lock, as the lock tool does."""
        request = lockfile.Request("bazel", "sid", ("x86_64", "aarch64"), ("x",), True, (), str(_LOCK))
        packages = dict.fromkeys(request.architectures, self.packages)
        (self.folder / _LOCK).write_text(lockfile.render(request, packages, {"sid": _DATE}))

    def forget(self, package: apt_root.Package) -> None:
        """Moves a package from the archive to the snapshot service."""
        self.files[f"{_SNAPSHOT}/{package.path}"] = self.files.pop(f"/debian/{package.path}")

    def install(self) -> subprocess.CompletedProcess[str]:
        """Runs the installer."""
        return subprocess.run(
            [str(self.folder / "tools/bootstrap/install"), _VERSION, str(self.tree)],
            env={
                "DEBIAN_MIRROR": f"{self.address}/debian",
                "DEBIAN_SNAPSHOT": f"{self.address}/archive",
                "PATH": "/usr/bin:/bin",
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture()
def machine(tmp_path: pathlib.Path) -> Iterator[Machine]:
    folder = tmp_path / "workspace"
    shutil.copytree(_ROOT / "tools/bootstrap", folder / "tools/bootstrap")
    (folder / _LOCK).parent.mkdir(parents=True)
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
        machine = Machine(folder, address, files, packages)
        machine.lock()
        yield machine


def test_locked_packages_become_a_tree(machine: Machine) -> None:
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert (machine.tree / "usr/bin/bazel").read_text() == "bazel-bootstrap\n"
    assert (machine.tree / "usr/share/bazel/modules/tinyjson/src/lib.rs").exists()
    assert (machine.tree / "usr/share/bazel/label/build-data.properties").read_text() == f"build.label={_VERSION}\n"
    assert (machine.tree / "etc/ssl/certs/ca-certificates.crt").read_text() == "lib+c~1\n"
    assert {path.name for path in machine.tree.parent.glob("tree*")} == {"tree"}


@pytest.mark.parametrize("spoiled", [None, b"other"], ids=["dropped", "changed"])
def test_package_that_the_archive_lost_comes_from_the_snapshot_service(machine: Machine, spoiled: bytes | None) -> None:
    for package in machine.packages:
        machine.forget(package)
        if spoiled:
            machine.files[f"/debian/{package.path}"] = spoiled
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert f"trying {machine.address}{_SNAPSHOT}" in done.stderr
    assert (machine.tree / "usr/bin/bazel").exists()


def test_package_that_is_nowhere_is_named_with_every_answer(machine: Machine) -> None:
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
    # A lock that is too old must not keep its own update from starting.
    assert "BAZELW_UNLOCKED=1" in last
    assert not list(machine.tree.parent.glob("tree*"))


def test_lock_of_another_bazel_is_refused(machine: Machine) -> None:
    machine.packages[0] = dataclasses.replace(machine.packages[0], version="6.5.0+ds-1")
    machine.lock()
    done = machine.install()
    assert done.returncode == 2
    assert f"has bazel-bootstrap 6.5.0+ds-1 and this workspace needs {_VERSION}" in done.stderr


def test_lock_has_the_bazel_of_this_workspace() -> None:
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
