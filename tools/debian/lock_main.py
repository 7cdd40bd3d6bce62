"""Update the lock files of Debian and Python packages: `./bazelw run //:lock`."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping

from absl import flags

from tools.cli import cli, errors
from tools.debian import apt_root, archive_flags, lockfile
from tools.pip import package_index, requirements_file, wheel_lock
from tools.platforms.architectures import ARCHITECTURES

_PYTHON_REQUESTS = flags.DEFINE_string(
    "python_requests", None, "JSON file with the Python packages that MODULE.bazel requests."
)


def _resolve(request: lockfile.Request, mirrors: dict[str, str], keyring: pathlib.Path, work: pathlib.Path) -> str:
    found: dict[str, list[apt_root.Package]] = {}
    releases: dict[str, str] = {}
    for architecture in request.architectures:
        directory = work / request.suite / architecture
        fresh = not directory.exists()
        debian_architecture = ARCHITECTURES[architecture].debian
        apt = apt_root.AptRoot(directory, request.suite, debian_architecture, mirrors, keyring)
        if fresh:
            apt.update()
        found[architecture] = apt.resolve(
            [name.replace("%{architecture}", debian_architecture) for name in request.packages],
            closure=request.closure,
            exclude=request.exclude,
        )
        releases |= apt.releases()
    return lockfile.render(request, found, releases)


def main() -> None:
    """Resolve the requests and write their lock files; stop at the first that cannot be resolved."""
    indexes, python = (
        wheel_lock.read_requests(pathlib.Path(_PYTHON_REQUESTS.value)) if _PYTHON_REQUESTS.value else ([], {})
    )
    requests = archive_flags.requests(python)
    python = {name: request for name, request in sorted(python.items()) if archive_flags.is_chosen(name)}
    if requests:
        _lock_debian(requests, archive_flags.mirrors())
    for index, (name, request) in enumerate(python.items(), start=1):
        print(f"[{index}/{len(python)}] {name} ({request.requirements})", file=sys.stderr, flush=True)
        text = (archive_flags.workspace() / request.requirements).read_text()
        pins = requirements_file.parse(text, request.requirements)
        wheels = wheel_lock.resolve(request, pins, package_index.Indexes(indexes))
        _write(request.lock, wheel_lock.render(request, wheels))


def _lock_debian(requests: Mapping[str, lockfile.Request], mirrors: dict[str, str]) -> None:
    with archive_flags.work_directory() as (work, keyring):
        for index, (name, request) in enumerate(requests.items(), start=1):
            print(f"[{index}/{len(requests)}] {name} ({request.suite})", file=sys.stderr, flush=True)
            try:
                text = _resolve(request, mirrors, keyring, work)
            except apt_root.AptError as error:
                raise errors.InputError(
                    str(error),
                    where=name,
                    fix="correct its packages in debian.json or MODULE.bazel; its lock is unchanged",
                ) from error
            _write(request.lock, text)


def _write(lock: str, text: str) -> None:
    written = lockfile.write(archive_flags.workspace() / lock, text)
    print(f"  {'wrote' if written else 'unchanged:'} {lock}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
