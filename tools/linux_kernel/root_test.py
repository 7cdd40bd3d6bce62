"""Test the root of the kernel's build with the locked bubblewrap and busybox."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from tools.linux_kernel.root import BuildError, Root

_BWRAP, _BUSYBOX = (str(pathlib.Path(os.environ[name]).absolute()) for name in ("BWRAP", "BUSYBOX"))


def _root(path: pathlib.Path, *files: tuple[str, str]) -> Root:
    return Root(path / "root", _BWRAP, _BUSYBOX, files)


def _shell(root: Root, script: str, **variables: str) -> str:
    root.run(["/bin/sh", "-euc", script], "/", variables)
    return (root.path / "tmp/log").read_text()


def test_root_of_repeated_paths_has_first_file(tmp_path: pathlib.Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    one.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(one)
    root = _root(tmp_path, ("usr/bin/x", str(one)), ("usr/bin/x", str(two)), ("usr/lib/y", str(link)))
    assert (root.path / "usr/bin/x").read_text() == "1"
    # Two names of one file, as libraries have.
    assert (root.path / "usr/lib/y").stat().st_ino == (root.path / "usr/bin/x").stat().st_ino
    assert _shell(root, "ls -l /bin/x").startswith("-rwxr-xr-x")


def test_command_runs_as_root_without_files_of_host(tmp_path: pathlib.Path) -> None:
    root = _root(tmp_path)
    os.environ["LEAK"] = "1"
    said = _shell(
        root, "id -u; hostname; env | sort | grep -v SHLVL; ls /; ls /proc /sys /home /etc 2>&1 || true", A="b"
    )
    lines = said.splitlines()
    assert lines[:2] == ["0", "kernel"]
    path = "PATH=/usr/lib/llvm-19/bin:/usr/bin:/usr/lib/busybox"
    assert [line for line in lines if "=" in line] == ["A=b", path, "PWD=/"]
    names = lines[lines.index("bin") : lines.index("usr") + 1]
    assert names == ["bin", "dev", "lib", "lib64", "sbin", "tmp", "usr"]
    assert said.count("No such file or directory") == 4


def test_root_of_unprivileged_user_works(tmp_path: pathlib.Path) -> None:
    """Run the code as an ordinary user, in a user namespace: the test itself may run as root."""
    script = f"""
import pathlib, sys
sys.path[:] = {sys.path!r}
from tools.linux_kernel.root import Root
root = Root(pathlib.Path({str(tmp_path)!r}) / "root", {_BWRAP!r}, {_BUSYBOX!r}, [])
root.run(["/bin/sh", "-c", "id -u; echo text > /file"], "/", {{}})
"""
    user = [_BWRAP, "--unshare-user", "--uid", "65534", "--gid", "65534", "--dev-bind", "/", "/", "--"]
    done = subprocess.run([*user, sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "root/tmp/log").read_text() == "0\n"
    assert (tmp_path / "root/file").read_text() == "text\n"


def test_command_with_covered_proc_runs(tmp_path: pathlib.Path) -> None:
    """Run the code as remote workers do (//tests/remote): in a namespace that forbids to mount a new /proc."""
    script = f"""
import pathlib, sys
sys.path[:] = {sys.path!r}
from tools.linux_kernel.root import Root
Root(pathlib.Path({str(tmp_path)!r}) / "root", {_BWRAP!r}, {_BUSYBOX!r}, [])
"""
    proc = ["--proc", "/proc", "--tmpfs", "/proc/bus"]
    worker = [_BWRAP, "--unshare-all", "--bind", "/", "/", "--dev", "/dev", *proc, "--"]
    done = subprocess.run([*worker, sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_failing_command_reports_last_lines(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = _root(tmp_path)
    with pytest.raises(BuildError, match="ended with 3"):
        _shell(root, "echo first; for i in $(seq 100); do echo line $i; done; echo 'x.c:1: error: \x1b[31mbad'; exit 3")
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "x.c:1: error: \\x1b[31mbad"
    assert "line 100" in said
    assert "first" not in said
