"""Run peers in a root directory of Debian's packages, without programs of the machine."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tarfile
import time
from collections.abc import Mapping

from tools.cli import errors

_PATH = "/usr/sbin:/usr/bin"

# Most characters of a program's output in an error.
_WORDS = 400


class Root:
    """A root directory.

    Attributes:
        path: its path.
    """

    def __init__(self, path: pathlib.Path, tar: pathlib.Path, bwrap: pathlib.Path) -> None:
        """Unpack the root directory.

        Args:
            path: path of the new directory.
            tar: archive of a root file system.
            bwrap: the program bubblewrap.
        """
        self.path = path
        self._bwrap = bwrap
        path.mkdir(parents=True)
        unpack(tar, path)
        for name in ("dev", "proc", "tmp", "work"):
            (path / name).mkdir(exist_ok=True)

    def run(self, script: str, work: pathlib.Path, variables: Mapping[str, str] | None = None) -> float:
        """Run a shell script in the root, and return its duration in seconds.

        Args:
            script: the script, which ends at the first command that fails.
            work: working directory of the script, which sees it as /work.
            variables: its environment, in addition to PATH.

        Raises:
            InputError: the script failed.
        """
        environment = {"PATH": _PATH, "HOME": "/work", "LC_ALL": "C.UTF-8", "TMPDIR": "/work"} | dict(variables or {})
        command = [
            str(self._bwrap),
            # Only root may change owners of files: root of the machine, or of a new namespace.
            *(("--unshare-user", "--uid", "0", "--gid", "0") if os.geteuid() else ()),
            *("--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--clearenv", "--cap-add", "ALL"),
            *(word for name, value in environment.items() for word in ("--setenv", name, value)),
            *("--bind", str(self.path), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
            *("--bind", str(work), "/work", "--chdir", "/work"),
            *("--", "/usr/bin/bash", "-euo", "pipefail", "-c", script),
        ]
        start = time.monotonic()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        seconds = time.monotonic() - start
        if done.returncode:
            words = " ".join(done.stdout.decode("utf-8", "replace").split())[-_WORDS:]
            raise errors.InputError(f"ended with {done.returncode}: {words}", where=script.split(maxsplit=1)[0])
        return seconds


def unpack(tar: pathlib.Path, directory: pathlib.Path) -> None:
    """Unpack an archive that the build created; its files get the user as owner."""
    with tarfile.open(tar, "r:") as archive:
        members = archive.getmembers()
        for member in members:
            member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
        archive.extractall(directory, members, filter="fully_trusted")
