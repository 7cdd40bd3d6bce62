"""Create a root directory from unpacked packages, and run the kernel's build in it.

The kernel's makefiles and scripts start `/bin/sh` and some thirty programs by name. In a private root they find
those of the packages, and no file of the build host.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence

import zstandard

from tools.cli import errors

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Directories that are symbolic links into `usr`: programs contain the loader's path."""

_LOG = "tmp/log"
_LOG_LINES = 40
_PATH = "/usr/lib/llvm-19/bin:/usr/bin:/usr/lib/busybox"


class BuildError(errors.InputError):
    """Report a command of the build that failed."""


class Root:
    """A root directory.

    Attributes:
        path: path of the directory.
    """

    def __init__(self, path: pathlib.Path, bwrap: str, busybox: str, files: Iterable[tuple[str, str]]) -> None:
        """Create the directory.

        Args:
            path: path of the new directory.
            bwrap: the program bubblewrap.
            busybox: a static busybox, which provides the shell and all small programs.
            files: pairs of a path in the root and the file to copy there. The first pair for a path counts.
        """
        self.path = path
        self._bwrap = bwrap
        for name in _MERGED:
            (path / "usr" / name).mkdir(parents=True)
            (path / name).symlink_to(f"usr/{name}")
        # The root has no /proc: the kernel refuses to mount a new one if another mount covers a part of the old one, as
        # on remote workers.
        for name in ("dev", "tmp", "usr/lib/busybox"):
            (path / name).mkdir()
        shutil.copyfile(busybox, path / "usr/bin/busybox")
        (path / "usr/bin/busybox").chmod(0o755)
        (path / "usr/bin/sh").symlink_to("busybox")
        # A library has several names, which are links in its package.
        copies: dict[str, pathlib.Path] = {}
        for name, origin in files:
            target = path / name
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            real = os.path.realpath(origin)
            if real in copies:
                os.link(copies[real], target)
            else:
                shutil.copyfile(real, target)
                target.chmod(0o755 if os.access(real, os.X_OK) else 0o644)
                copies[real] = target
        for loader in sorted(path.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*")):
            for directory in ("lib", "lib64"):
                if not (path / "usr" / directory / loader.name).exists():
                    (path / "usr" / directory / loader.name).symlink_to(f"/{loader.relative_to(path)}")
        self.run(["/bin/busybox", "--install", "-s", "/usr/lib/busybox"], "/", {})

    def unpack(self, archive: str, directory: str) -> pathlib.Path:
        """Unpack a tar.zst into a directory of the root, and return the path of that directory."""
        target = self.path / directory
        target.mkdir()
        with (
            open(archive, "rb") as packed,
            zstandard.ZstdDecompressor().stream_reader(packed) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            tar.extractall(target, filter="data")
        return target

    def run(self, command: Sequence[str], directory: str, variables: Mapping[str, str]) -> None:
        """Run a command that sees the root, no network and no processes except its own.

        Args:
            command: program, by its path in the root, and arguments.
            directory: its working directory.
            variables: its environment, in addition to PATH.

        Raises:
            BuildError: the command failed. The end of its output goes to stderr.
        """
        environment = {"PATH": _PATH} | dict(variables)
        arguments = [
            self._bwrap,
            "--unshare-all",
            "--die-with-parent",
            "--clearenv",
            *(word for name, value in environment.items() for word in ("--setenv", name, value)),
            *("--uid", "0", "--gid", "0", "--hostname", "kernel"),
            *("--bind", str(self.path), "/"),
            *("--dev", "/dev"),
            *("--chdir", directory),
            "--",
            *command,
        ]
        log = self.path / _LOG
        with open(log, "wb") as output:
            done = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode != 0:
            lines = log.read_text("utf-8", "replace").splitlines()
            interesting = [line for line in lines if "error" in line.lower() or "***" in line] or lines
            for line in [*interesting[:_LOG_LINES], "...", *lines[-_LOG_LINES:]]:
                os.write(2, f"{errors.one_line(line)}\n".encode())
            raise BuildError(f"ended with {done.returncode}", where=" ".join(command), fix="correct the errors above")
