"""The README's first command, in bare Debian systems: `./bazelw` sets itself up and builds the same disk."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator

import pytest

from tests.nested import nested
from tools.packages import deb

_COMMAND = "./bazelw build //images:qcow2_python_aarch64"
# Programs that a new user may expect to need. These systems lack them.
_MISSING = ("bazel", "bazelisk", "bwrap", "cc", "curl", "gcc", "git", "java", "python3", "unzip", "wget", "xz", "zstd")
# Packages that this disk does not need: those of tests, of lint, and of other images.
_NOT_NEEDED = (
    r"[~+]debian[~+](?:bench|guest|kernel|lint|qemu_(?:11|aarch64|x86_64)|root_|rootfs_(?:bun|node|raw)|rust_analyzer)"
)
# Of the machine that runs the test: its way to the network.
_NETWORK_FILES = ("etc/hosts", "etc/pip.conf", "etc/resolv.conf")
_NETWORK_VARIABLES = (
    "DEBIAN_SNAPSHOT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_ARCHIVES = {
    "DEBIAN_MIRROR": "http://deb.debian.org/debian",
    "DEBIAN_SECURITY_MIRROR": "http://deb.debian.org/debian-security",
}
_CERTIFICATES = "/opt/certificates.crt"
_HOME = "home/builder"


@dataclasses.dataclass(frozen=True)
class System:
    """A system on which a new user starts.

    Attributes:
        suite: Debian suite of its packages.
        user: number of the user.
        configures_apt: whether it has /etc/apt.
    """

    suite: str
    user: int
    configures_apt: bool = True


_SYSTEMS = {
    "bookworm": System("bookworm", 0),
    "trixie": System("trixie", 1000),
    "sid": System("sid", 0),
    "hidden": System("bookworm", 1000, configures_apt=False),
}


class Machine:
    """A system in a directory, with a new copy of the workspace and an empty home.

    Attributes:
        root: its root directory.
    """

    def __init__(self, directory: pathlib.Path, system: System, downloads: pathlib.Path) -> None:
        """Unpack the system.

        Args:
            directory: directory of its root, which must not exist.
            system: the system.
            downloads: a repository cache for its Bazel.
        """
        self.root = directory
        self._system = system
        self._downloads = downloads
        install(directory, [pathlib.Path(name) for name in os.environ[f"ROOT_{system.suite}"].split()])
        for name in _NETWORK_FILES:
            if pathlib.Path("/", name).exists():
                shutil.copyfile(pathlib.Path("/", name), directory / name)
        if system.configures_apt:
            self._write_sources()
        else:
            shutil.rmtree(directory / "etc/apt")
        with open(directory / "etc/passwd", "a") as stream:
            stream.write(f"builder:x:1000:1000::/{_HOME}:/bin/bash\n")
        workspace = directory / _HOME / "sandbox-images"
        nested.copy_workspace(workspace)
        (directory / "downloads").mkdir()
        (workspace / ".bazelrc.user").write_text(
            "startup --max_idle_secs=60 --local_startup_timeout_secs=600\n"
            "common --repository_cache=/downloads --curses=no --color=no --show_progress_rate_limit=60\n"
        )

    def _write_sources(self) -> None:
        """Write apt's sources as Debian's own container images have them."""
        suite = self._system.suite
        mirror, security = (os.environ.get(name) or default for name, default in _ARCHIVES.items())
        stanzas = [(mirror, suite), (security, f"{suite}-security")][: 1 if suite == "sid" else 2]
        (self.root / "etc/apt/sources.list.d/debian.sources").write_text(
            "\n".join(
                f"Types: deb\nURIs: {address}\nSuites: {name}\nComponents: main\n"
                "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
                for address, name in stanzas
            )
        )

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in the workspace, as the system's user."""
        user = str(self._system.user)
        inherited: list[str] = [*_NETWORK_VARIABLES]
        if not self._system.configures_apt:
            inherited += _ARCHIVES
        environment = {name: os.environ[name] for name in inherited if name in os.environ}
        environment |= {
            "HOME": f"/{_HOME}",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "USER": "builder",
        }
        certificates = os.environ.get("SSL_CERT_FILE")
        if certificates:
            environment["SSL_CERT_FILE"] = _CERTIFICATES
        command = [
            str(pathlib.Path(os.environ["BWRAP"]).resolve()),
            *(("--unshare-user", "--uid", user, "--gid", user) if os.geteuid() != self._system.user else ()),
            *("--bind", str(self.root), "/", "--bind", str(self._downloads), "/downloads"),
            # The whole /proc and /sys, as in ./bazelw: Bazel's sandbox mounts its own.
            *("--dev", "/dev", "--dev-bind", "/proc", "/proc", "--dev-bind", "/sys", "/sys"),
            *(("--ro-bind", certificates, _CERTIFICATES) if certificates else ()),
            *("--chdir", f"/{_HOME}/sandbox-images", "--", "/bin/bash", "-euc", script),
        ]
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def install(root: pathlib.Path, packages: Iterable[pathlib.Path]) -> None:
    """Unpack packages, and do what the maintainer scripts of the least of Debian do that ./bazelw may notice."""
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    data = root.with_name(root.name + ".tar")
    status: list[str] = []
    for path in packages:
        package = deb.read(str(path))
        deb.unpack(package, str(data))
        status.append(package.control.replace("\n", "\nStatus: install ok installed\n", 1))
        with tarfile.open(data) as archive:
            members = archive.getmembers()
            for member in members:
                member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
            archive.extractall(root, [member for member in members if not (root / member.name).is_symlink()])
    data.unlink()
    (root / "var/lib/dpkg/status").write_text("\n".join(status), "utf-8", "surrogateescape")
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    (root / "usr/bin/awk").symlink_to("mawk")
    for name in ("dev", "proc", "sys", "tmp", "opt", _HOME):
        (root / name).mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the downloads of the running Bazel. The locked packages of Bazel itself are not among them."""
    return nested.seed_downloads(tmp_path_factory.mktemp("cache"))


@pytest.fixture(params=_SYSTEMS)
def machine(request: pytest.FixtureRequest, tmp_path: pathlib.Path, downloads: pathlib.Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "root", _SYSTEMS[request.param], downloads)
    yield machine
    machine.run("./bazelw shutdown || true")
    # Gigabytes. Bazel makes some directories read-only.
    subprocess.run(["chmod", "-R", "u+w", str(machine.root)], check=False)
    shutil.rmtree(machine.root, ignore_errors=True)


def test_first_command_builds_the_same_disk(machine: Machine) -> None:
    assert f"\n{_COMMAND} " in (nested.sources() / "README.md").read_text()
    for name in _MISSING:
        assert machine.run(f"command -v {name}").returncode, name

    built = machine.run(_COMMAND)
    print(built.stderr[-4000:])
    assert built.returncode == 0, built.stderr[-8000:]
    lock = json.loads((nested.sources() / "tools/debian/locks/bazel.lock.json").read_text())["packages"]
    counts = {len(packages) for packages in lock.values()}
    assert any(f"1/3 downloading {count} packages from http" in built.stderr for count in counts)

    again = machine.run("ls -- $(./bazelw info output_base)/external")
    assert "installing Bazel" not in again.stderr
    assert re.search(r"\brootfs_python_aarch64$", again.stdout.replace("~", "/"), re.MULTILINE), again.stderr
    assert not re.search(_NOT_NEEDED, again.stdout), again.stdout

    disk = pathlib.Path(os.environ["DISK"])
    summed = machine.run(f"sha256sum bazel-bin/images/{disk.name}")
    assert summed.stdout.split()[:1] == [nested.digest(disk)], summed.stderr
