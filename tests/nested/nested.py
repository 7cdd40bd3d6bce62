"""Copies the workspace and builds each copy with a separate Bazel."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import os
import pathlib
import random
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tools.execution_log import execution_log

# Not part of the sources: a user's flags, the history and caches of Python.
_LEFT_OUT = {".bazelrc.user", ".git", "__pycache__"}

_INHERITED = (
    "DEBIAN_MIRROR",
    "DEBIAN_SECURITY_MIRROR",
    "DEBIAN_SNAPSHOT",
    "PATH",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)

_LINES_SHOWN = 60

# Targets whose builds have every kind of action, for one architecture (compilers, kernel, initramfs, root file system
# and disk), and their files. For tests that build many times, where all images would take an hour. They need no kernel
# from source.
ONE_OF_EACH = {
    "//images:initramfs_debian_x86_64": "initramfs-debian-x86_64",
    "//images:qcow2_raw_x86_64": "raw-base-x86_64.qcow2",
    "//images:vmlinuz_debian_x86_64": "vmlinuz-debian-x86_64",
}


# A kernel cache contains only kernels from source: Bazel executes all other actions.
_KERNELS_ALONE = "--modify_execution_info=^(?!LinuxKernel$).*=+no-cache"


class BuildError(AssertionError):
    """A build failed unexpectedly; the message contains the end of its output."""


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """Properties of the machine that must not influence a build.

    Attributes:
        umask: umask of the server and its processes.
        variables: environment variables: TZ, LANG, USER and so on.
        seed: seed of the order in which the source files are created.
        user: user and group of the build in a user namespace without privileges, and owner of the test's files. The
            environment variable BWRAP names the program that creates the namespace.
    """

    umask: int = 0o022
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    seed: int = 0
    user: int | None = None


class Nested:
    """A copy of the workspace and its Bazel.

    Attributes:
        workspace: the copy.
        directory: working directory of Bazel: the copy, or another module in it.
        output_base: Bazel's directory.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        workspace: str = "workspace",
        surroundings: Surroundings | None = None,
        downloads: pathlib.Path | None = None,
        module: str = "",
        kernels: pathlib.Path | None = None,
    ) -> None:
        """Copy the workspace.

        Args:
            directory: directory for the copy and all outputs; created if missing.
            workspace: name of the copy, which may have several parts.
            surroundings: properties of the machine.
            downloads: repository cache of `seed_downloads`.
            module: directory in the workspace of a separate module to build instead.
            kernels: disk cache of kernels, see `kernel_cache`.
        """
        self._surroundings = surroundings or Surroundings()
        self.workspace = directory / workspace
        self.directory = self.workspace / module
        self.output_base = directory / "output"
        self._home = directory / "home"
        self._home.mkdir(parents=True)
        self._downloads = downloads
        self._kernels = kernels
        copy_workspace(self.workspace, self._surroundings.seed)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Bazel: `run("build", "//images:all")`.

        Raises:
            BuildError: the build failed, and `check` is true.
        """
        done = self._finish(self._command(arguments))
        if check and done.returncode != 0:
            end = "\n".join(done.stderr.splitlines()[-_LINES_SHOWN:])
            raise BuildError(f"bazel {' '.join(arguments)} ended with {done.returncode}:\n{end}")
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Bazel without waiting for it; its messages go to `stderr`."""
        return subprocess.Popen(self._command(arguments), **self._options(), stderr=subprocess.PIPE)

    def script(self, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in the copy, whose `./bazelw` starts this Bazel.

        Args:
            text: the script, which ends at the first command that fails.
            **variables: further environment variables.
        """
        return self._finish(["bash", "-euo", "pipefail", "-c", text], self.caller() | variables)

    def caller(self) -> dict[str, str]:
        """Return an environment in which `./bazelw` of the copy starts this Bazel."""
        programs = self._home / "bin"
        programs.mkdir(exist_ok=True)
        # ./bazelw prefers bazelisk to any other Bazel.
        startup = shlex.join(self._startup())
        (programs / "bazelisk").write_text(f'#!/bin/sh\nexec {startup} "$@"\n')
        (programs / "bazelisk").chmod(0o755)
        (self.workspace / ".bazelrc.user").write_text("".join(f"common {flag}\n" for flag in self._flags()))
        environment: dict[str, str] = self._options()["env"]
        return environment | {"PATH": f"{programs}:{environment['PATH']}"}

    def close(self) -> None:
        """End the server."""
        subprocess.run(self._command(["shutdown"]), **self._options(), capture_output=True, check=False)

    def _finish(
        self, command: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        options = self._options()
        options["env"] |= variables or {}
        pipe = subprocess.PIPE
        process: subprocess.Popen[str] = subprocess.Popen(
            command, **options, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        output, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        command, *rest = arguments
        return [*self._startup(), command, *([] if command == "shutdown" else self._flags()), *rest]

    def _startup(self) -> list[str]:
        # The output base is private to the test, and Bazel must not read the user's home.
        startup = [
            *self._become_user(),
            "bazel",
            "--nohome_rc",
            f"--output_base={self.output_base}",
            "--max_idle_secs=60",
        ]
        return [*startup, "--host_jvm_args=-Xmx2g"]

    def _flags(self) -> list[str]:
        flags = ["--curses=no", "--color=no", "--show_progress_rate_limit=60"]
        if self._downloads:
            flags.append(f"--repository_cache={self._downloads}")
        if self._kernels:
            flags += [f"--disk_cache={self._kernels}", _KERNELS_ALONE]
        return flags

    def _options(self) -> dict[str, Any]:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {"HOME": str(self._home), "USER": "builder"} | dict(self._surroundings.variables)
        return {"cwd": self.directory, "env": environment, "umask": self._surroundings.umask, "text": True}

    def _become_user(self) -> list[str]:
        """Return the prefix of a command that runs it as another user, in a user namespace."""
        user = self._surroundings.user
        if user is None:
            return []
        bwrap = str(pathlib.Path(os.environ["BWRAP"]).resolve())
        return [bwrap, "--unshare-user", "--uid", str(user), "--gid", str(user), "--dev-bind", "/", "/", "--"]


def sources() -> pathlib.Path:
    """Return the directory of the workspace that runs the test."""
    return pathlib.Path("MODULE.bazel").resolve().parent


def copy_workspace(target: pathlib.Path, seed: int = 0) -> None:
    """Copy the workspace's sources, file by file, in an order that depends on the seed."""
    origin = sources()
    files: list[pathlib.Path] = []
    for directory, directories, names in os.walk(origin):
        top = pathlib.Path(directory) == origin
        directories[:] = [
            name for name in directories if not (name in _LEFT_OUT or (top and name.startswith("bazel-")))
        ]
        links = [name for name in names if not (top and name.startswith("bazel-")) and name not in _LEFT_OUT]
        files += [pathlib.Path(directory, name).relative_to(origin) for name in links]
    files.sort()
    random.Random(seed).shuffle(files)
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin / file, target / file)


def seed_downloads(directory: pathlib.Path, lock: str | None = None) -> pathlib.Path:
    """Create a repository cache with the downloads of the running Bazel, if its cache is found.

    Args:
        directory: directory that gets the cache.
        lock: a lock of Debian packages, such as `tools/debian/locks/python.lock.json`: copy only its packages.
    """
    cache = directory / "downloads"
    cache.mkdir(parents=True)
    # The interpreter's path is OUTPUT_USER_ROOT/OUTPUT_BASE/external/REPOSITORY/….
    guesses = [pathlib.Path(os.environ["REPOSITORY_CACHE"])] if os.environ.get("REPOSITORY_CACHE") else []
    external = next((path for path in pathlib.Path(pytest_file()).parents if path.name == "external"), None)
    if external:
        guesses.append(external.parent.parent / "cache/repos/v1")
    for guess in guesses:
        if (guess / "content_addressable").is_dir():
            chosen = _contents(sources() / lock) if lock else [pathlib.Path()]
            for path in chosen:
                if (guess / path).exists():
                    shutil.copytree(guess / path, cache / path, dirs_exist_ok=True)
            break
    return cache


def _contents(lock: pathlib.Path) -> list[pathlib.Path]:
    """Return the directories of a repository cache for the packages of a lock."""
    digests: list[str] = re.findall(r'"sha256": "([0-9a-f]{64})"', lock.read_text("utf-8"))
    return [pathlib.Path("content_addressable/sha256", digest) for digest in digests]


def kernel_cache(directory: pathlib.Path) -> pathlib.Path:
    """Return the directory that the environment variable KERNEL_CACHE names, or create an empty one.

    A build of a kernel takes as long as all others together.

    Raises:
        NotADirectoryError: this test cannot see the directory that the variable names.
    """
    named = os.environ.get("KERNEL_CACHE")
    if named:
        if not os.access(named, os.W_OK):
            raise NotADirectoryError(
                f"the test cannot write to KERNEL_CACHE={named}: name a directory outside of /tmp, and give Bazel "
                f"--sandbox_writable_path={named}"
            )
        return pathlib.Path(named)
    cache = directory / "kernels"
    cache.mkdir(parents=True)
    return cache


def pytest_file() -> str:
    """Return the real path of a file in an external repository."""
    import pytest  # noqa: PLC0415

    return os.path.realpath(pytest.__file__)


def digest(path: pathlib.Path) -> str:
    """Return the sha256 of a file, in hex."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def runners(path: pathlib.Path) -> collections.Counter[str]:
    """Count the actions of an execution log by runner, such as `linux-sandbox` or `remote cache hit`."""
    return collections.Counter(action.runner for action in execution_log.read(path))
