"""A root has what is put there, and a command in it sees nothing else. The programs are the locked ones."""

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


def test_files_are_copied_and_the_first_of_a_path_is_taken(tmp_path: pathlib.Path) -> None:
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


def test_commands_are_root_and_see_nothing_of_the_machine(tmp_path: pathlib.Path) -> None:
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


def test_user_without_privileges_makes_a_root_too(tmp_path: pathlib.Path) -> None:
    """An ordinary user is what most machines that build have; a namespace makes one of whoever runs this test."""
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


def test_command_runs_on_a_worker_whose_proc_is_covered(tmp_path: pathlib.Path) -> None:
    """Workers of a farm run actions in a namespace (//tests/remote), below which no new /proc can be mounted."""
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


def test_failed_command_is_named_with_its_last_lines(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = _root(tmp_path)
    with pytest.raises(BuildError, match="ended with 3"):
        _shell(root, "echo first; for i in $(seq 100); do echo line $i; done; echo 'x.c:1: error: \x1b[31mbad'; exit 3")
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "x.c:1: error: \\x1b[31mbad"
    assert "line 100" in said
    assert "first" not in said
