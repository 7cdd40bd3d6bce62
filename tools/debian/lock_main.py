"""Renews the lock files of Debian packages: `./bazelw run //:lock`."""

from __future__ import annotations

import pathlib
import sys

from tools.cli import cli, errors
from tools.debian import apt_root, archive_flags, lockfile


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


def main() -> None:
    """Resolves the requests and writes their lock files; stops at the first that cannot be resolved."""
    mirrors = archive_flags.mirrors()
    requests = archive_flags.requests()
    with archive_flags.work_folder() as (work, keyring):
        for index, (name, request) in enumerate(requests.items(), start=1):
            print(f"[{index}/{len(requests)}] {name} ({request.suite})", file=sys.stderr, flush=True)
            try:
                text = _resolve(request, mirrors, keyring, work)
            except apt_root.AptError as error:
                raise errors.InputError(
                    str(error),
                    where=name,
                    fix="its packages are named in MODULE.bazel, and no lock was changed for it",
                ) from error
            path = archive_flags.workspace() / request.lock
            print(f"  {'wrote' if lockfile.write(path, text) else 'unchanged:'} {request.lock}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
