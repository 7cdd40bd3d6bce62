"""Test the workspace under bazelisk, with the bootstrapped Bazel as the version to run."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

_ROOT = pathlib.Path("MODULE.bazel").resolve().parent
_VERSION = (_ROOT / ".bazelversion").read_text().strip()

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run ./bazelw on a machine that has bazelisk on its PATH."""
    directory = tmp_path_factory.mktemp("home")
    bazel = shutil.which("bazel")
    assert bazel, "no bazel on the PATH: run the tests with ./bazelw (see README.md)"
    (directory / "bin").mkdir()
    (directory / "bin/bazelisk").symlink_to(pathlib.Path(os.environ["BAZELISK"]).resolve())
    environment = {
        "BAZELISK_HOME": str(directory / "bazelisk"),
        "HOME": str(directory),
        "PATH": f"{directory}/bin:/usr/bin:/bin",
        "USE_BAZEL_VERSION": bazel,
    }

    def bazelw(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(_ROOT / "bazelw"), f"--output_user_root={directory}/root", "--max_idle_secs=15", *arguments],
            cwd=_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    yield bazelw
    bazelw("shutdown")


def test_bazelw_starts_bazelisk(run: Run) -> None:
    # Only bazelisk prints this line.
    assert "Bazelisk version: " in run("version").stdout


def test_bazel_has_the_label_of_its_version(run: Run) -> None:
    done = run("info", "release")
    assert done.stdout == f"release {_VERSION}\n", done.stderr


def test_module_resolves_and_loads(run: Run) -> None:
    done = run("query", "--output=label_kind", "//:all")
    assert "alias rule //:lock" in done.stdout, done.stderr
