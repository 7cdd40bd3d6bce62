"""Renews the lock files of Debian packages: `./bazelw run //tools/debian:lock`."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile

from absl import app, flags

from tools.debian import apt_root, lockfile

_REQUESTS = flags.DEFINE_string("requests", None, "JSON file with the requests of MODULE.bazel.", required=True)
_KEYRING = flags.DEFINE_string("keyring", None, "Keyring that signs the archives.", required=True)
_WORKSPACE = flags.DEFINE_string(
    "workspace",
    os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."),
    "Root of the workspace, which the lock files' paths are relative to.",
)
_ONLY = flags.DEFINE_list("only", [], "Names of the requests to renew; all when empty.")
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


def _fail(message: str) -> int:
    print(f"lock: {message}", file=sys.stderr)
    return 1


def _resolve(request: lockfile.Request, mirrors: dict[str, str], keyring: pathlib.Path, work: pathlib.Path) -> str:
    found: dict[str, list[apt_root.Package]] = {}
    releases: dict[str, str] = {}
    for architecture in request.architectures:
        folder = work / request.suite / architecture
        fresh = not folder.exists()
        debian_architecture = lockfile.DEBIAN_ARCHITECTURES[architecture]
        apt = apt_root.AptRoot(folder, request.suite, debian_architecture, mirrors, keyring)
        if fresh:
            apt.update()
        found[architecture] = apt.resolve(
            [name.replace("%{architecture}", debian_architecture) for name in request.packages],
            closure=request.closure,
            without=request.without,
        )
        releases |= apt.releases()
    return lockfile.render(request, found, releases)


def main(argv: list[str]) -> int:
    """Resolves the requests and writes their lock files; stops at the first that cannot be resolved."""
    if len(argv) > 1:
        raise app.UsageError(f"takes no arguments, got {argv[1]}")
    if not _MIRROR.value:
        return _fail("no archive is known: set DEBIAN_MIRROR or --mirror to the address of one")
    mirror = _MIRROR.value.rstrip("/")
    security = (_SECURITY_MIRROR.value or mirror + "-security").rstrip("/")
    requests = lockfile.read_requests(pathlib.Path(_REQUESTS.value))
    unknown = sorted(set(_ONLY.value) - set(requests))
    if unknown:
        return _fail(f"no request is named {unknown[0]}: MODULE.bazel has {', '.join(sorted(requests))}")

    names = sorted(_ONLY.value or requests)
    with tempfile.TemporaryDirectory(prefix="debian-lock.") as work:
        # apt gives the key to a process of its own, which may not reach into the sandbox's folders.
        keyring = pathlib.Path(work, "keyring.gpg")
        shutil.copyfile(_KEYRING.value, keyring)
        for index, name in enumerate(names, start=1):
            request = requests[name]
            print(f"[{index}/{len(names)}] {name} ({request.suite})", file=sys.stderr, flush=True)
            try:
                text = _resolve(request, {"debian": mirror, "debian-security": security}, keyring, pathlib.Path(work))
            except apt_root.AptError as error:
                return _fail(f"{name}: {error}. Its packages are named in MODULE.bazel; no lock was changed for it.")
            path = pathlib.Path(_WORKSPACE.value, request.lock)
            print(f"  {'wrote' if lockfile.write(path, text) else 'unchanged:'} {request.lock}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    app.run(main)
