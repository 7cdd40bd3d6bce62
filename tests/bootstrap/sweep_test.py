"""Test which trees the bootstrap removes from its cache."""

from __future__ import annotations

import fcntl
import os
import pathlib
import subprocess
import time
from collections.abc import Iterator

import pytest

_BOOTSTRAP = pathlib.Path("MODULE.bazel").resolve().parent / "tools/bootstrap"
_DAY = 24 * 60 * 60
_OLD = "bazel-7.7.1-00000000000000aa"
_KEPT = "bazel-7.7.1-00000000000000bb"


def _age(path: pathlib.Path, days: float) -> None:
    then = time.time() - days * _DAY
    os.utime(path, (then, then))


def _tree(cache: pathlib.Path, name: str, days: float, *, stamp: bool = True) -> pathlib.Path:
    (cache / name / "usr/bin").mkdir(parents=True)
    (cache / name / "usr/bin/bazel").touch()
    used = cache / f"{name}.used"
    if stamp:
        used.touch()
        _age(used, days)
    _age(cache / name, days)
    return cache / name


@pytest.fixture()
def cache(tmp_path: pathlib.Path) -> pathlib.Path:
    """Create a cache with a tree in use and one whose last start was 20 days ago."""
    _tree(tmp_path, _KEPT, 20)
    _tree(tmp_path, _OLD, 20)
    return tmp_path


def _sweep(cache: pathlib.Path) -> str:
    done = subprocess.run(
        [str(_BOOTSTRAP / "sweep"), str(cache), str(cache / _KEPT)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


def test_old_tree_is_removed_and_own_tree_kept(cache: pathlib.Path) -> None:
    said = _sweep(cache)
    assert said == f"bazelw: removing {_OLD}, last started more than 14 days ago\n"
    assert {path.name for path in cache.iterdir()} == {_KEPT, f"{_KEPT}.used", f"{_OLD}.used", "swept"}
    assert _sweep(cache) == ""


@pytest.mark.parametrize("stamp", [True, False])
def test_tree_started_lately_is_kept(cache: pathlib.Path, stamp: bool) -> None:
    tree = _tree(cache, "bazel-7.6.0-00000000000000cc", 13, stamp=stamp)
    _sweep(cache)
    assert tree.exists()


def test_tree_without_stamp_ages_from_its_installation(cache: pathlib.Path) -> None:
    tree = _tree(cache, "bazel-7.6.0-00000000000000cc", 15, stamp=False)
    _sweep(cache)
    assert not tree.exists()


def test_tree_that_is_starting_is_kept(cache: pathlib.Path) -> None:
    with open(cache / f"{_OLD}.used", "ab") as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        _sweep(cache)
        assert (cache / _OLD / "usr/bin/bazel").exists()
    _sweep(cache)
    assert not (cache / _OLD).exists()


@pytest.fixture()
def server(cache: pathlib.Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that shows, as Bazel's server does, which tree it runs from."""
    argument = f"-Dbazelw.tree=00000000000000aa-{(cache / _OLD).stat().st_ino}"
    with subprocess.Popen(["sh", "-c", "read x", argument], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_tree_of_running_server_is_kept(cache: pathlib.Path, server: subprocess.Popen[bytes]) -> None:
    _sweep(cache)
    assert (cache / _OLD).exists()
    server.kill()
    server.wait()
    _sweep(cache)
    assert not (cache / _OLD).exists()


def test_interrupted_installations_are_removed(cache: pathlib.Path) -> None:
    for name in ("partial.AbCdEf", "stale.123"):
        (cache / f"{_KEPT}.{name}/usr").mkdir(parents=True)
    (cache / f"{_OLD}.partial.123456").mkdir()
    _age(cache / f"{_KEPT}.partial.AbCdEf", 2)
    _sweep(cache)
    left = {path.name for path in cache.iterdir() if "." in path.name.removeprefix("bazel-7.7.1")}
    # The newest may be a running installation.
    assert left == {f"{_KEPT}.used", f"{_OLD}.used", f"{_OLD}.partial.123456"}


def test_files_of_others_are_kept(cache: pathlib.Path) -> None:
    (cache / "bazel-own").mkdir()
    (cache / "truststore-0123").touch()
    for name in ("bazel-own", "truststore-0123"):
        _age(cache / name, 100)
    _sweep(cache)
    assert (cache / "bazel-own").exists() and (cache / "truststore-0123").exists()


_BWRAP = """\
#!/bin/sh
case "$1" in --unshare-user) exit 0;; esac
if flock -n "$CACHE"/bazel-*.used true; then echo unlocked; else echo locked; fi
exit 37
"""


def test_start_locks_and_stamps_tree_and_sweeps(tmp_path: pathlib.Path) -> None:
    files = [_BOOTSTRAP / name for name in ("install", "resolve", "common.sh", "system.bazelrc", "tinyjson.BUILD")]
    files += [_BOOTSTRAP.parent / "debian" / name for name in ("apt.conf", "locks/bazel.lock.json")]
    key = subprocess.run(
        ["sha256sum"], input=b"".join(map(pathlib.Path.read_bytes, files)), capture_output=True, check=True
    )
    cache = tmp_path / "cache"
    tree = _tree(cache, f"bazel-7.7.1-{key.stdout[:16].decode()}", 20)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"bwrap": _BWRAP, "apt-get": "#!/bin/sh\n", "dpkg-deb": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {
        "BAZELW_CACHE": str(cache),
        "CACHE": str(cache),
        "DEBIAN_MIRROR": "http://a.example/debian",
        "HOME": str(tmp_path),
        "PATH": f"{programs}:/usr/bin:/bin",
        "SSL_CERT_FILE": "/nonexistent",
    }
    stamp = cache / f"{tree.name}.used"
    before = stamp.stat().st_mtime
    command = [str(_BOOTSTRAP / "run"), "7.7.1", "info"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (37, "locked\n"), done.stderr
    # The last start seems to be 20 days ago; the new stamp has the current time.
    assert stamp.stat().st_mtime > before + 19 * _DAY
    assert (cache / "swept").exists()
