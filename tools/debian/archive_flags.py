"""Flags that the programs of this directory share, and the archives, requests and keyring behind them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Generator

from absl import flags

from tools.cli import cli
from tools.debian import lockfile

_REQUESTS = flags.DEFINE_string("requests", None, "JSON file with the requests of MODULE.bazel.", required=True)
_KEYRING = flags.DEFINE_string("keyring", None, "Keyring that signs the archives.", required=True)
_WORKSPACE = flags.DEFINE_string(
    "workspace",
    os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."),
    "Root of the workspace. The lock files' paths are relative to it.",
)
_ONLY = flags.DEFINE_list("only", [], "Names of the requests to process; all if empty.")
_MIRROR = flags.DEFINE_string(
    "mirror", None, "Address of a Debian archive. Default: $DEBIAN_MIRROR, or apt's source on this machine."
)
_SECURITY_MIRROR = flags.DEFINE_string(
    "security_mirror",
    None,
    "Address of a Debian security archive. Default: $DEBIAN_SECURITY_MIRROR, or apt's source on this machine.",
)


def mirrors() -> dict[str, str]:
    """Return the addresses by the archives' names in lock files."""
    finder = pathlib.Path(__file__).parent / "find_archives"
    done = subprocess.run([finder], stdout=subprocess.PIPE, text=True, check=True)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {
        "debian": (_MIRROR.value or found["DEBIAN_MIRROR"]).rstrip("/"),
        "debian-security": (_SECURITY_MIRROR.value or found["DEBIAN_SECURITY_MIRROR"]).rstrip("/"),
    }


def is_chosen(name: str) -> bool:
    """Return whether the flags select a request."""
    return not _ONLY.value or name in _ONLY.value


def requests(others: Collection[str] = ()) -> dict[str, lockfile.Request]:
    """Return the selected requests, sorted by name.

    Args:
        others: names of requests for other packages than Debian's, which the flags may select, too.

    Raises:
        cli.UsageError: no request has a selected name.
    """
    known = lockfile.read_requests(pathlib.Path(_REQUESTS.value))
    unknown = sorted(set(_ONLY.value) - {*known, *others})
    if unknown:
        raise cli.UsageError(
            f"no request is named {unknown[0]}: MODULE.bazel has {', '.join(sorted({*known, *others}))}"
        )
    return {name: known[name] for name in sorted(known) if is_chosen(name)}


def workspace() -> pathlib.Path:
    """Return the directory to which the lock files' paths are relative."""
    return pathlib.Path(_WORKSPACE.value)


@contextlib.contextmanager
def work_directory() -> Generator[tuple[pathlib.Path, pathlib.Path]]:
    """Yield a directory for private roots of apt, and a copy of the keyring in it."""
    with tempfile.TemporaryDirectory(prefix="debian.") as work:
        # apt passes the key to its own process, which cannot reach into the sandbox's directories.
        keyring = pathlib.Path(work, "keyring.gpg")
        shutil.copyfile(_KEYRING.value, keyring)
        yield pathlib.Path(work), keyring
