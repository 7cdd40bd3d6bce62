"""A private apt root: Debian's own resolver, without the machine's state.

apt reads nothing of the machine but its network: this module writes sources, trusted keys and the (empty) set of
installed packages.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
from collections.abc import Mapping, Sequence

# 'URI' file size HASH:digest, as `apt-get --print-uris` prints it.
_URI_LINE = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$")

_SETTINGS = pathlib.Path(__file__).parent / "apt.conf"

# Suffix of a suite that adds newer packages to the suite named before it.
_BACKPORTS = "-backports"


class AptError(Exception):
    """apt failed: the message is one line with apt's own words."""


@dataclasses.dataclass(frozen=True, order=True)
class Package:
    """One package file of an archive.

    Attributes:
        name: package name.
        version: Debian version.
        architecture: Debian architecture of the file: amd64, arm64 or all.
        archive: name of the archive that has it: debian or debian-security.
        path: path below the archive's address.
        size: bytes.
        sha256: digest of the file, in hex.
    """

    name: str
    version: str
    architecture: str
    archive: str
    path: str
    size: int
    sha256: str


class AptRoot:
    """An apt root in a directory, for one suite and one architecture.

    Attributes:
        mirrors: dict from archive name to its address.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        suite: str,
        debian_architecture: str,
        mirrors: dict[str, str],
        keyring: pathlib.Path,
    ) -> None:
        """Write the configuration below `directory`, without network access."""
        self.mirrors = mirrors
        self._directory = directory
        self._architecture = debian_architecture
        for name in (
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "etc/apt/sources.list.d",
            "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg",
            "log",
        ):
            (directory / name).mkdir(parents=True, exist_ok=True)
        options = f"[signed-by={keyring} arch={debian_architecture}]"
        stable = suite.removesuffix(_BACKPORTS)
        sources = [f"deb {options} {mirrors['debian']} {stable} main"]
        if stable != "sid":
            sources.append(f"deb {options} {mirrors['debian']} {stable}-updates main")
            sources.append(f"deb {options} {mirrors['debian-security']} {stable}-security main")
        default_release = ""
        if suite != stable:
            sources.append(f"deb {options} {mirrors['debian']} {suite} main")
            # Otherwise apt takes no package from backports that the suite itself contains.
            default_release = f'APT::Default-Release "{suite}";\n'
        # sid's Release file is sometimes not updated in time. apt still checks its signature.
        expiry = 'Acquire::Check-Valid-Until "false";\n' if suite == "sid" else ""
        (directory / "etc/apt/sources.list").write_text("".join(line + "\n" for line in sources))
        (directory / "apt.conf").write_text(
            f'Dir "{directory}";\n'
            f'Dir::State::status "{directory}/var/lib/dpkg/status";\n'
            f'Dir::Log "{directory}/log";\n'
            f'APT::Architecture "{debian_architecture}";\n'
            f'APT::Architectures {{ "{debian_architecture}"; }};\n' + default_release + expiry + _SETTINGS.read_text()
        )

    def update(self) -> None:
        """Read the package indices; apt checks the signature of each Release file.

        Raises:
            AptError: apt could not read an index, or the keyring did not sign it.
        """
        self._run("apt-get", "update", "-qq", "-o", "APT::Update::Error-Mode=any")

    def releases(self) -> dict[str, str]:
        """Return the Date field of each Release file, by `archive/suite`."""
        result: dict[str, str] = {}
        for file in sorted((self._directory / "var/lib/apt/lists").glob("*_InRelease")):
            fields = dict(re.findall(r"^(Codename|Date|Label): (.*)$", file.read_text(), re.M))
            result[fields["Codename"]] = fields["Date"]
        return result

    def resolve(self, packages: Sequence[str], *, closure: bool, exclude: Sequence[str] = ()) -> list[Package]:
        """Resolve names to package files.

        Args:
            packages: package names.
            closure: whether to add dependencies (never recommended packages).
            exclude: packages to exclude from the closure.

        Returns:
            The package files, sorted by name.

        Raises:
            AptError: an unknown package, packages that conflict, or a dependency that apt cannot satisfy.
        """
        # A dependency may name one exact version: pretend the suite's own.
        versions = self.newest(exclude) if exclude else {}
        self._pretend_installed({package: versions.get(package, "9999:0") for package in exclude})
        if closure:
            output = self._run("apt-get", "install", "--yes", "--quiet", "--print-uris", *packages)
        else:
            output = self._run("apt-get", "download", "-qq", "--print-uris", *packages)
        result: list[Package] = []
        for line in output.splitlines():
            if not line.startswith("'"):
                continue
            match = _URI_LINE.match(line)
            if not match:
                raise AptError(f"apt printed an address without a SHA256: {line!r}")
            result.append(self._package(match))
        return sorted(result)

    def newest(self, packages: Sequence[str]) -> dict[str, str]:
        """Return the suite's current version by package name, without packages that have left the suite."""
        self._pretend_installed({})
        result: dict[str, str] = {}
        name = ""
        for line in self._run("apt-cache", "policy", *packages).splitlines():
            if line.endswith(":") and not line.startswith(" "):
                name = line.removesuffix(":")
            elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
                result[name] = line.removeprefix("  Candidate: ")
        return result

    def is_newer(self, version: str, other: str) -> bool:
        """Return whether a Debian version is newer than another."""
        try:
            self._run("dpkg", "--compare-versions", version, "gt", other)
        except AptError:
            return False
        return True

    def _pretend_installed(self, packages: Mapping[str, str]) -> None:
        """Pretend that exactly `packages`, each in a version, are installed, so that the closure excludes them."""
        stanzas = (
            f"Package: {package}\nStatus: hold ok installed\nArchitecture: {self._architecture}\n"
            f"Multi-Arch: allowed\nVersion: {version}\nMaintainer: none\nDescription: left out\n\n"
            for package, version in packages.items()
        )
        (self._directory / "var/lib/dpkg/status").write_text("".join(stanzas))

    def _package(self, match: re.Match[str]) -> Package:
        uri = match["uri"]
        # The longest address first: the security archive's may begin like the main one's.
        archives = sorted(self.mirrors, key=lambda name: -len(self.mirrors[name]))
        archive = next((name for name in archives if uri.startswith(self.mirrors[name] + "/")), None)
        if archive is None:
            raise AptError(f"apt named an address outside the archives: {uri}")
        path = uri[len(self.mirrors[archive]) + 1 :]
        for escape, character in (("%2b", "+"), ("%7e", "~"), ("%3a", ":")):
            path = path.replace(escape, character)
        # apt's file name keeps the epoch, unlike the name in the pool.
        name, version, architecture = match["file"].removesuffix(".deb").split("_")
        return Package(
            name=name,
            version=version.replace("%3a", ":"),
            architecture=architecture,
            archive=archive,
            path=path,
            size=int(match["size"]),
            sha256=match["sha256"],
        )

    def _run(self, *command: str) -> str:
        environment = {
            "APT_CONFIG": str(self._directory / "apt.conf"),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        }
        for name in ("http_proxy", "https_proxy", "no_proxy"):
            if name in os.environ:
                environment[name] = os.environ[name]
        try:
            done = subprocess.run(
                command,
                env=environment,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except FileNotFoundError as error:
            raise AptError(f"{command[0]} is not on the PATH: run the lock tool on Debian, or with ./bazelw") from error
        if done.returncode != 0:
            raise AptError(_reason(done.stdout + "\n" + done.stderr))
        return done.stdout


def _reason(output: str) -> str:
    """Extract from apt's output its errors and the unmet dependencies, as one line."""
    lines = [line.strip() for line in output.splitlines()]
    wanted = [
        line
        for line in lines
        if line.startswith(("E:", "W: GPG", "W: OpenPGP"))
        or re.search(r"(Depends|Conflicts|Breaks): |Conflicts ", line)
    ]
    return "; ".join(dict.fromkeys(wanted)) or "; ".join(filter(None, lines))[-500:]
