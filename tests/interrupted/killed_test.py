"""Test that builds which are killed at any moment, including the server, do not spoil the next build."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from tests.nested import nested

_ROUNDS = 20
_SEED = 6

# Each build repeats one of this many actions.
_FORGOTTEN = 6

# All rounds share it: a killed build must write entries completely or not at all.
_CACHE = "disk-cache"


def _digests(directory: pathlib.Path) -> dict[str, str]:
    return {name: nested.digest(directory / name) for name in nested.ONE_OF_EACH.values()}


def _descendants(pid: int) -> list[int]:
    below: list[int] = []
    for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below += [int(child) for child in thread.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [*below, *(further for child in below for further in _descendants(child))]


def _server(bazel: nested.Nested) -> int | None:
    try:
        pid = int((bazel.output_base / "server/server.pid.txt").read_text())
        # Another process may have the number of an earlier server by now.
        ours = str(bazel.output_base).encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if ours else None


def _kill(process: subprocess.Popen[str], bazel: nested.Nested) -> None:
    """Kill client, server and actions of a build at once, like a power failure."""
    doomed = [process.pid]
    server = _server(bazel)
    if server:
        doomed += [server, *_descendants(server)]
    # Stop all processes first, so that none sees another one die.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in doomed:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
    process.communicate()


def _forget(cache: pathlib.Path, generator: random.Random) -> None:
    """Remove some results from the cache, so that a build runs some actions and finds others in the cache."""
    results = sorted(path for path in (cache / "ac").rglob("*") if path.is_file())
    for path in generator.sample(results, len(results) // _FORGOTTEN):
        path.unlink()


def test_build_after_kill_has_same_bytes(tmp_path: pathlib.Path) -> None:
    wanted = _digests(pathlib.Path(os.environ["DIST"]))
    generator = random.Random(_SEED)
    bazel = nested.Nested(tmp_path / "clone", downloads=nested.seed_downloads(tmp_path))
    cache = tmp_path / _CACHE
    build = ("build", f"--disk_cache={cache}", *nested.ONE_OF_EACH)
    try:
        bazel.run(*build)
        bazel.run("clean")
        _forget(cache, generator)
        seconds = _timed_build(bazel, build)
        for number in range(_ROUNDS):
            bazel.run("clean")
            _forget(cache, generator)
            # Every second round may also hit loading and analysis.
            if number % 2:
                bazel.close()
            moment = generator.uniform(0, seconds)
            while not _is_killed(bazel, build, moment):
                # The build had ended, because the machine is less busy than before.
                bazel.run("clean")
                _forget(cache, generator)
                moment /= 2
            took = _timed_build(bazel, build)
            assert _digests(bazel.workspace / "bazel-bin/images") == wanted, f"round {number}, at {moment:.1f} s"
            print(f"round {number}: killed at {moment:.1f} s, the next build took {took:.0f} s")
    finally:
        bazel.close()
        shutil.rmtree(cache, ignore_errors=True)


def _is_killed(bazel: nested.Nested, build: tuple[str, ...], moment: float) -> bool:
    """Start a build and kill it after some seconds; return False if it had ended by itself."""
    process = bazel.start(*build)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        _kill(process, bazel)
        return True
    _kill(process, bazel)
    return False


def _timed_build(bazel: nested.Nested, build: tuple[str, ...]) -> float:
    start = time.monotonic()
    bazel.run(*build)
    return time.monotonic() - start
