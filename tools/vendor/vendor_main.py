"""Writes everything from outside that a build needs into a directory: `./bazelw run //:vendor -- --out=DIR`.

A Bazel of its own, with an empty output base, makes all repositories of the targets. Its log says what they downloaded.
"""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from absl import flags

from tools.cli import cli, errors
from tools.vendor import vendor, workspace_log

_OUT = flags.DEFINE_string("out", None, "Directory to make, or to update; its parent must exist.", required=True)
_TARGETS = flags.DEFINE_list("targets", ["//images:all"], "Targets and patterns whose builds the directory is for.")
_CHECK = flags.DEFINE_bool("check", False, "Whether to compare the directory with its manifest, and do nothing else.")

# Debian packages that ./bazelw assembles Bazel from.
_BAZEL = "//tools/vendor:bazel"


def main() -> None:
    """Writes the directory, or checks it."""
    # Bazel runs programs in their runfiles; the caller's folder is in the environment.
    out = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), _OUT.value).absolute()
    if _CHECK.value:
        _check(out)
        return
    vendor.check_replaceable(out)
    with tempfile.TemporaryDirectory(prefix="vendor.", dir=_caches(), ignore_cleanup_errors=True) as work:
        files = _vendor(out, pathlib.Path(work))
    size = sum(file.size for file in files)
    print(f"vendored {len(files)} files, {size / 1e6:.0f} MB. Elsewhere: BAZELW_VENDOR={out} ./bazelw", file=sys.stderr)


def _check(out: pathlib.Path) -> None:
    lines = list(vendor.broken(out))
    for line in lines:
        print(line)
    if lines:
        raise errors.InputError(
            f"{len(lines)} of its files are missing or broken, see above",
            where=str(out),
            fix="run //:vendor again where there is a network, or copy it again",
        )


def _caches() -> pathlib.Path:
    """Returns the folder that `./bazelw` keeps Bazel in: an output base has gigabytes, and /tmp may have less."""
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = pathlib.Path(os.environ.get("BAZELW_CACHE") or home / "sandbox-images")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Bazel:
    """The Bazel that `./bazelw` assembles, with an output base of its own. Another Bazel may have other rule sets."""

    def __init__(self, work: pathlib.Path) -> None:
        self.output_base = work / "output"
        workspace = pathlib.Path(os.environ["BUILD_WORKSPACE_DIRECTORY"])
        self._command = [str(workspace / "bazelw"), f"--output_base={self.output_base}", "--max_idle_secs=60"]
        self._options: dict[str, Any] = {
            "cwd": workspace,
            "env": os.environ | {"BAZELW_BOOTSTRAP": "1", "BAZELW_VENDORING": "1"},
        }

    def run(self, *arguments: str) -> str:
        """Runs a command and returns its output.

        Raises:
            InputError: it failed.
        """
        done = subprocess.run(
            [*self._command, *arguments], **self._options, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise errors.InputError(
                f"bazel {arguments[0]} ended with {done.returncode}; its message is above",
                fix="correct --targets, or retry where there is a network",
            )
        return done.stdout

    def close(self) -> None:
        """Ends the server."""
        subprocess.run([*self._command, "shutdown"], **self._options, capture_output=True, check=False)


def _vendor(out: pathlib.Path, work: pathlib.Path) -> list[vendor.File]:
    bazel = _Bazel(work)
    try:
        version = bazel.run("info", "release").split()[-1]
        cache = pathlib.Path(bazel.run("info", "repository_cache").strip() or work / "repository_cache")
        restored = vendor.restore(out, cache)
        if restored:
            print(f"{restored} files of {out} need no download", file=sys.stderr)
        log = work / "log"
        bazel.run(
            "build",
            # Nothing is built: repositories are made when targets are loaded and analyzed.
            "--nobuild",
            f"--experimental_workspace_rules_log_file={log}",
            f"--repository_cache={cache}",
            "--",
            *_TARGETS.value,
            _BAZEL,
        )
        out.mkdir(exist_ok=True)
        about = {"bazel": version, "machine": platform.machine(), "targets": sorted(_TARGETS.value)}
        return vendor.write(out, workspace_log.downloads(log), cache, _go_modules(bazel.output_base), about)
    finally:
        bazel.close()


def _go_modules(output_base: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields what tools/toolchains/go leaves in its repositories for this program."""
    yield from sorted(output_base.glob("external/*/modules/cache/download"))


if __name__ == "__main__":
    cli.run(main)
