"""Test which Bazel ./bazelw starts, and how: the real script, with stubs on the PATH."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

_ROOT = pathlib.Path("MODULE.bazel").resolve().parent
_VERSION = (_ROOT / ".bazelversion").read_text().strip()

_PROGRAM = """\
#!/bin/sh
if [ "$*" = --version ]; then echo "bazel {version}"; exit 0; fi
echo "{name} in $PWD"
for argument in "$@"; do echo "<$argument>"; done
exit 37
"""


@pytest.fixture()
def workspace(tmp_path: pathlib.Path) -> pathlib.Path:
    """Copy the files of ./bazelw, and add a subdirectory."""
    directory = tmp_path / "work space"
    (directory / "deep" / "er").mkdir(parents=True)
    for name in ("bazelw", ".bazelversion"):
        shutil.copy(_ROOT / name, directory)
    shutil.copytree(_ROOT / "tools" / "bootstrap", directory / "tools" / "bootstrap")
    return directory


def _program(directory: pathlib.Path, name: str, version: str = _VERSION) -> None:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(_PROGRAM.format(name=name, version=version))
    path.chmod(0o755)


def _run(
    workspace: pathlib.Path, *arguments: str, path: str, directory: str = ".", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(workspace / "bazelw"), *arguments],
        cwd=workspace / directory,
        env={"PATH": path, "HOME": str(workspace), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_bazelw_passes_arguments_and_exit_code_of_bazelisk(workspace: pathlib.Path) -> None:
    _program(workspace.parent / "bin", "bazelisk")
    arguments = ["--host_jvm_args=-Xmx1g", "run", "//x", "--", "a b", "", "*", "$HOME", "'"]
    done = _run(workspace, *arguments, path=f"{workspace.parent}/bin:/usr/bin:/bin")
    assert done.returncode == 37
    lines = done.stdout.splitlines()
    assert lines == [f"bazelisk in {workspace}", *(f"<{argument}>" for argument in arguments)]
    assert done.stderr == ""


def test_bazelw_keeps_current_directory(workspace: pathlib.Path) -> None:
    _program(workspace.parent / "bin", "bazelisk")
    done = _run(workspace, "build", ":x", path=f"{workspace.parent}/bin:/usr/bin:/bin", directory="deep/er")
    assert done.stdout.splitlines()[0] == f"bazelisk in {workspace}/deep/er"


def test_path_with_other_than_ascii_is_rejected(workspace: pathlib.Path) -> None:
    _program(workspace.parent / "bin", "bazelisk")
    moved = workspace.rename(workspace.parent / "übung")
    done = _run(moved, "info", path=f"{workspace.parent}/bin:/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"bazelw: {moved}: ")
    assert done.stderr.count("\n") == 1


def test_bazelw_works_through_link(workspace: pathlib.Path) -> None:
    _program(workspace.parent / "bin", "bazelisk")
    (workspace / "deep" / "bazelw").symlink_to("../bazelw")
    done = subprocess.run(
        ["./bazelw", "info"],
        cwd=workspace / "deep",
        env={"PATH": f"{workspace.parent}/bin:/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 37


def test_bazel_of_the_version_is_used(workspace: pathlib.Path) -> None:
    _program(workspace.parent / "bin", "bazel")
    done = _run(workspace, "info", path=f"{workspace.parent}/bin:/usr/bin:/bin")
    assert (done.returncode, done.stdout.splitlines()[1]) == (37, "<info>")


def _tools(directory: pathlib.Path, *leave_out: str) -> str:
    """Make a PATH with the programs that the scripts need, except some."""
    directory.mkdir(exist_ok=True)
    names = (
        "apt-get awk bash bwrap cat cut dirname dpkg dpkg-deb env find flock id mkdir readlink sha256sum tar true xz"
    )
    for name in names.split():
        found = shutil.which(name, path="/usr/bin:/bin")
        if name in leave_out:
            continue
        if found:
            (directory / name).symlink_to(found)
        else:
            (directory / name).write_text("#!/bin/sh\nexit 0\n")
            (directory / name).chmod(0o755)
    return str(directory)


def test_bazel_of_other_version_is_ignored(workspace: pathlib.Path) -> None:
    path = _tools(workspace.parent / "bin", "apt-get")
    _program(workspace.parent / "bin", "bazel", version="6.0.0")
    done = _run(workspace, "info", path=path)
    assert done.returncode == 2
    assert "this is not a Debian system" in done.stderr


def test_machine_without_apt_is_referred_to_bazelisk(workspace: pathlib.Path) -> None:
    done = _run(workspace, "info", path=_tools(workspace.parent / "bin", "apt-get"))
    assert done.returncode == 2
    assert "Install bazelisk" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_directory_that_nothing_was_vendored_to_is_named(workspace: pathlib.Path) -> None:
    path = _tools(workspace.parent / "bin")
    # bazelisk would download a Bazel.
    _program(workspace.parent / "bin", "bazelisk")
    done = _run(workspace, "info", path=path, BAZELW_VENDOR="not there")
    assert done.returncode == 2
    assert "BAZELW_VENDOR=not there: is not a vendor directory" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_missing_packages_are_named(workspace: pathlib.Path) -> None:
    done = _run(workspace, "info", path=_tools(workspace.parent / "bin", "awk", "flock"))
    assert done.returncode == 2
    assert "apt-get install mawk util-linux" in done.stderr
