"""Copies of the workspace, each built by a Bazel of its own."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import os
import pathlib
import random
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tools.execution_log import execution_log

# Not part of the sources: outputs, a person's own flags, and what the editor or Python left.
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

# Targets and their files that need every kind of action, for one architecture: compilers, kernel, initramfs, root file
# system and disk. For tests that build so often that all images would take an hour. No kernel that is built here is
# among them.
ONE_OF_EACH = {
    "//images:initramfs_debian_x86_64": "initramfs-debian-x86_64",
    "//images:qcow2_raw_x86_64": "raw-base-x86_64.qcow2",
    "//images:vmlinuz_debian_x86_64": "vmlinuz-debian-x86_64",
}


# Only kernels that are built here are taken from a kernel cache, and put into it: whatever else is built, is built.
_KERNELS_ALONE = "--modify_execution_info=^(?!LinuxKernel$).*=+no-cache"


class BuildError(AssertionError):
    """A build that should have been green was not; has the end of its output."""


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What of the machine a build might see, and must not.

    Attributes:
        umask: of the server and all that it starts.
        variables: environment variables: TZ, LANG, USER and so on.
        seed: of the order in which the sources' files are made.
        user: number of the user and group that the build finds itself to be, and owner of all that is the test's. It
            has no privileges. The environment variable BWRAP names the program that does it.
    """

    umask: int = 0o022
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    seed: int = 0
    user: int | None = None


class Nested:
    """A copy of the workspace and its Bazel.

    Attributes:
        workspace: the copy.
        folder: where Bazel is run in it: the copy itself, or another module's part of it.
        output_base: Bazel's folder.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        workspace: str = "workspace",
        surroundings: Surroundings | None = None,
        downloads: pathlib.Path | None = None,
        module: str = "",
        kernels: pathlib.Path | None = None,
    ) -> None:
        """Copies the workspace.

        Args:
            folder: where to put everything; made where it is missing.
            workspace: name of the copy, which may have several parts.
            surroundings: what the build may see of the machine.
            downloads: repository cache, which `seed_downloads` made.
            module: folder of the workspace that is a module of its own, to be built instead.
            kernels: directory that kernels are taken from and put into, see `kernel_cache`.
        """
        self._surroundings = surroundings or Surroundings()
        self.workspace = folder / workspace
        self.folder = self.workspace / module
        self.output_base = folder / "output"
        self._home = folder / "home"
        self._home.mkdir(parents=True)
        self._downloads = downloads
        self._kernels = kernels
        copy_workspace(self.workspace, self._surroundings.seed)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs Bazel: `run("build", "//images:all")`.

        Raises:
            BuildError: it failed, and `check` is true.
        """
        done = self._finish(self._command(arguments))
        if check and done.returncode != 0:
            end = "\n".join(done.stderr.splitlines()[-_LINES_SHOWN:])
            raise BuildError(f"bazel {' '.join(arguments)} ended with {done.returncode}:\n{end}")
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts Bazel and does not wait for it; its messages come out of `stderr`."""
        return subprocess.Popen(self._command(arguments), **self._options(), stderr=subprocess.PIPE)

    def script(self, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a shell script in the copy; `./bazelw` of the copy starts this Bazel.

        Args:
            text: the script, which ends at the first command that fails.
            **variables: further environment variables.
        """
        return self._finish(["bash", "-euo", "pipefail", "-c", text], self.caller() | variables)

    def caller(self) -> dict[str, str]:
        """Returns the environment of programs that call `./bazelw` of the copy: it starts this Bazel."""
        programs = self._home / "bin"
        programs.mkdir(exist_ok=True)
        # ./bazelw prefers it to any other.
        startup = shlex.join(self._startup())
        (programs / "bazelisk").write_text(f'#!/bin/sh\nexec {startup} "$@"\n')
        (programs / "bazelisk").chmod(0o755)
        (self.workspace / ".bazelrc.user").write_text("".join(f"common {flag}\n" for flag in self._flags()))
        environment: dict[str, str] = self._options()["env"]
        return environment | {"PATH": f"{programs}:{environment['PATH']}"}

    def close(self) -> None:
        """Ends the server."""
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
        # Its folder is in a test's own: no one else may find it, and nothing of the person's is read.
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
        return {"cwd": self.folder, "env": environment, "umask": self._surroundings.umask, "text": True}

    def _become_user(self) -> list[str]:
        """Returns what goes before a command, so that a namespace makes another user of it: a sandbox has one."""
        user = self._surroundings.user
        if user is None:
            return []
        bwrap = str(pathlib.Path(os.environ["BWRAP"]).resolve())
        return [bwrap, "--unshare-user", "--uid", str(user), "--gid", str(user), "--dev-bind", "/", "/", "--"]


def sources() -> pathlib.Path:
    """Returns the folder of the workspace that the test was started from."""
    return pathlib.Path("MODULE.bazel").resolve().parent


def copy_workspace(target: pathlib.Path, seed: int = 0) -> None:
    """Copies the workspace's sources, file by file in an order that depends on the seed."""
    origin = sources()
    files: list[pathlib.Path] = []
    for folder, folders, names in os.walk(origin):
        top = pathlib.Path(folder) == origin
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not (top and name.startswith("bazel-"))]
        links = [name for name in names if not (top and name.startswith("bazel-")) and name not in _LEFT_OUT]
        files += [pathlib.Path(folder, name).relative_to(origin) for name in links]
    files.sort()
    random.Random(seed).shuffle(files)
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin / file, target / file)


def seed_downloads(folder: pathlib.Path) -> pathlib.Path:
    """Makes a repository cache with what the running Bazel has downloaded, where that can be found."""
    cache = folder / "downloads"
    cache.mkdir(parents=True)
    # The interpreter lies in OUTPUT_USER_ROOT/OUTPUT_BASE/external/REPOSITORY/….
    guesses = [pathlib.Path(os.environ["REPOSITORY_CACHE"])] if os.environ.get("REPOSITORY_CACHE") else []
    external = next((path for path in pathlib.Path(pytest_file()).parents if path.name == "external"), None)
    if external:
        guesses.append(external.parent.parent / "cache/repos/v1")
    for guess in guesses:
        if (guess / "content_addressable").is_dir():
            shutil.copytree(guess, cache, dirs_exist_ok=True)
            break
    return cache


def kernel_cache(folder: pathlib.Path) -> pathlib.Path:
    """Returns the directory that the environment variable KERNEL_CACHE names, or makes one that is empty.

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
    cache = folder / "kernels"
    cache.mkdir(parents=True)
    return cache


def pytest_file() -> str:
    """Returns the true path of a file of an external repository."""
    import pytest  # noqa: PLC0415

    return os.path.realpath(pytest.__file__)


def digest(path: pathlib.Path) -> str:
    """Returns the sha256 of a file, in hex."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def runners(path: pathlib.Path) -> collections.Counter[str]:
    """Counts the actions of an execution log by what ran them, such as `linux-sandbox` or `remote cache hit`."""
    return collections.Counter(action.runner for action in execution_log.read(path))
