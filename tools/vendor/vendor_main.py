"""Write all external inputs of a build into a directory: `./bazelw run //:vendor -- --out=DIR`.

A separate Bazel, with an empty output base, creates all repositories of the targets. Its log lists their downloads.
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

_OUT = flags.DEFINE_string("out", None, "Directory to create or update; its parent must exist.", required=True)
_TARGETS = flags.DEFINE_list("targets", ["//images:all"], "Targets and patterns to vendor for.")
_CHECK = flags.DEFINE_bool("check", False, "Only compare the directory with its manifest.")

# Debian packages from which ./bazelw assembles Bazel.
_BAZEL = "//tools/vendor:bazel"

# This program, which checks a copy of the directory on a machine without a network.
_ITSELF = "//:vendor"


def main() -> None:
    """Write the directory, or check it."""
    # Bazel runs programs in their runfiles; the caller's directory is in the environment.
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
            fix="run //:vendor again on a machine with a network, or copy the directory again",
        )


def _caches() -> pathlib.Path:
    """Return the directory in which `./bazelw` keeps Bazel: an output base has gigabytes, and /tmp may have less."""
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    directory = pathlib.Path(os.environ.get("BAZELW_CACHE") or home / "sandbox-images")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


class _Bazel:
    """The Bazel that `./bazelw` assembles, with a separate output base. Another Bazel may have other rule sets."""

    def __init__(self, work: pathlib.Path) -> None:
        self.output_base = work / "output"
        workspace = pathlib.Path(os.environ["BUILD_WORKSPACE_DIRECTORY"])
        self._command = [str(workspace / "bazelw"), f"--output_base={self.output_base}", "--max_idle_secs=60"]
        self._options: dict[str, Any] = {
            "cwd": workspace,
            "env": os.environ | {"BAZELW_BOOTSTRAP": "1", "BAZELW_VENDORING": "1"},
        }

    def run(self, *arguments: str) -> str:
        """Run a command and return its output.

        Raises:
            InputError: it failed.
        """
        done = subprocess.run(
            [*self._command, *arguments], **self._options, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise errors.InputError(
                f"bazel {arguments[0]} ended with {done.returncode}; its message is above",
                fix="correct --targets, or retry on a machine with a network",
            )
        return done.stdout

    def close(self) -> None:
        """Stop the server."""
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
            # Build nothing: loading and analysis of targets create the repositories.
            "--nobuild",
            f"--experimental_workspace_rules_log_file={log}",
            f"--repository_cache={cache}",
            "--",
            *_TARGETS.value,
            _BAZEL,
            _ITSELF,
        )
        out.mkdir(exist_ok=True)
        about = {"bazel": version, "machine": platform.machine(), "targets": sorted(_TARGETS.value)}
        return vendor.write(out, workspace_log.downloads(log), cache, _go_modules(bazel.output_base), about)
    finally:
        bazel.close()


def _go_modules(output_base: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the module caches that tools/toolchains/go keeps in its repositories for this program."""
    yield from sorted(output_base.glob("external/*/modules/cache/download"))


if __name__ == "__main__":
    cli.run(main)
