"""A vendor directory is all that a build without a network needs: Bazel, a disk, an npm package and a Go program."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.nested import nested

_DISK = "//images:qcow2_python_aarch64"
_TARGETS = [_DISK, "@npm_npm//:packages", "@buildifier//:buildifier"]


class Machine:
    """A machine without a network, on which nothing has been built yet."""

    def __init__(self, directory: pathlib.Path, vendored: pathlib.Path) -> None:
        self.workspace = directory / "workspace"
        self._home = directory / "home"
        self._home.mkdir(parents=True)
        self._vendored = vendored
        nested.copy_workspace(self.workspace)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the workspace."""
        bwrap = str(pathlib.Path(os.environ["BWRAP"]).resolve())
        return subprocess.run(
            [bwrap, "--unshare-net", "--die-with-parent", "--dev-bind", "/", "/", "--", *command],
            cwd=self.workspace,
            # No proxy, no index and no archive of the machine that runs the test.
            env={
                "BAZELW_VENDOR": str(self._vendored),
                "HOME": str(self._home),
                "PATH": "/usr/bin:/bin",
                "USER": "builder",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def bazelw(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `./bazelw`. No server outlives it: each command has a separate network namespace."""
        return self.run("./bazelw", "--batch", "--nohome_rc", *arguments)


@pytest.fixture(scope="module")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """The directory that `//:vendor` writes where there is a network."""
    directory = tmp_path_factory.mktemp("online")
    bazel = nested.Nested(directory, downloads=nested.seed_downloads(directory))
    out = directory / "vendored"
    try:
        done = bazel.script(f"./bazelw run //:vendor -- --out={out} --targets={','.join(_TARGETS)}")
        assert done.returncode == 0, done.stderr[-8000:]
        print(done.stderr.splitlines()[-1])
    finally:
        bazel.close()
    yield out


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, vendored: pathlib.Path) -> Machine:
    return Machine(tmp_path_factory.mktemp("offline"), vendored)


def test_directory_has_files_of_every_kind(vendored: pathlib.Path) -> None:
    files = json.loads((vendored / "manifest.json").read_text())["files"]
    assert {file["kind"] for file in files} == {"crate", "debian", "go", "npm", "python"}
    assert any(file["name"].startswith("bazel-bootstrap_") for file in files)


def test_machine_has_no_network(machine: Machine) -> None:
    lines = machine.run("cat", "/proc/net/dev").stdout.splitlines()
    assert [line.split(":")[0].strip() for line in lines if ":" in line] == ["lo"]


def test_everything_is_built_and_the_disk_has_the_same_bytes(machine: Machine) -> None:
    done = machine.bazelw("build", *_TARGETS)
    assert done.returncode == 0, done.stderr[-8000:]
    for word in ("Download from http", "Unknown host"):
        assert word not in done.stderr
    disk = pathlib.Path(os.environ["DISK"])
    assert nested.digest(machine.workspace / "bazel-bin/images" / disk.name) == nested.digest(disk)


def test_directory_is_whole_by_its_own_program(machine: Machine, vendored: pathlib.Path) -> None:
    done = machine.bazelw("run", "//:vendor", "--", f"--out={vendored}", "--check")
    assert done.returncode == 0, done.stderr[-8000:]


def test_target_that_was_not_vendored_names_what_is_missing(machine: Machine) -> None:
    done = machine.bazelw("build", "--nobuild", "@bun_x86_64//:packages")
    assert done.returncode != 0
    assert "has no npm package @oven/bun-linux-x64-baseline" in done.stderr
    assert "./bazelw run //:vendor -- --out=DIR" in done.stderr
