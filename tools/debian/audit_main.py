"""Lists pinned packages with a newer version in the archive: `./bazelw run //tools/debian:audit`."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

from absl import flags

from tools.cli import cli, errors
from tools.debian import apt_root, audit, lockfile

_REQUESTS = flags.DEFINE_string("requests", None, "JSON file with the requests of MODULE.bazel.", required=True)
_KEYRING = flags.DEFINE_string("keyring", None, "Keyring that signs the archives.", required=True)
_WORKSPACE = flags.DEFINE_string(
    "workspace",
    os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."),
    "Root of the workspace, which the lock files' paths are relative to.",
)
_ONLY = flags.DEFINE_list("only", [], "Names of the requests to look at; all when empty.")
_SECURITY = flags.DEFINE_bool("security", False, "Whether only the security archive's versions are news.")
_MIRROR = flags.DEFINE_string(
    "mirror",
    os.environ.get("DEBIAN_MIRROR"),
    "Address of a Debian archive. Default: $DEBIAN_MIRROR, which ./bazelw sets from apt's sources.",
)
_SECURITY_MIRROR = flags.DEFINE_string(
    "security_mirror",
    os.environ.get("DEBIAN_SECURITY_MIRROR"),
    "Address of a Debian security archive. Default: $DEBIAN_SECURITY_MIRROR, or --mirror and '-security'.",
)


def main() -> None:
    """Prints a line for each package that is not up to date, and fails if there is one."""
    if not _MIRROR.value:
        raise cli.UsageError("no archive is known: set DEBIAN_MIRROR or --mirror to the address of one")
    mirror = _MIRROR.value.rstrip("/")
    mirrors = {"debian": mirror, "debian-security": (_SECURITY_MIRROR.value or mirror + "-security").rstrip("/")}
    requests = lockfile.read_requests(pathlib.Path(_REQUESTS.value))
    unknown = sorted(set(_ONLY.value) - set(requests))
    if unknown:
        raise cli.UsageError(f"no request is named {unknown[0]}: MODULE.bazel has {', '.join(sorted(requests))}")

    with tempfile.TemporaryDirectory(prefix="debian-audit.") as work:
        # apt gives the key to a process of its own, which may not reach into the sandbox's folders.
        keyring = pathlib.Path(work, "keyring.gpg")
        shutil.copyfile(_KEYRING.value, keyring)

        def make_apt(suite: str, architecture: str) -> apt_root.AptRoot:
            apt = apt_root.AptRoot(pathlib.Path(work, suite, architecture), suite, architecture, mirrors, keyring)
            apt.update()
            return apt

        chosen = [requests[name] for name in sorted(_ONLY.value or requests)]
        try:
            found = audit.audit(chosen, pathlib.Path(_WORKSPACE.value), make_apt)
        except apt_root.AptError as error:
            raise errors.InputError(str(error)) from error
    news = [item for item in found if not _SECURITY.value or item.archive == "debian-security"]
    for item in news:
        print(item)
    if news:
        names = ",".join(sorted({item.lock for item in news}))
        raise errors.InputError(
            f"{len(news)} pinned packages are not the archive's newest",
            fix=f"./bazelw run //tools/debian:lock -- --only={names}",
        )


if __name__ == "__main__":
    cli.run(main)
