"""Test that remote workers with only the declared inputs build all images, with the local build's digests."""

from __future__ import annotations

import collections
import os
import pathlib
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.nested import nested
from tests.remote import buildbarn
from tools.execution_log import execution_log

_TARGET = "//images:dist"

# rules_rust runs the first two programs that it compiles by a bash script; the third action only copies.
_LOCAL = {
    "@@rules_rust~~i~rules_rust_tinyjson//:tinyjson",
    "@@rules_rust~//util/process_wrapper:process_wrapper",
    _TARGET,
}
_LOCAL_RUNNER = "linux-sandbox"


class Clone:
    """A copy of the workspace that builds remotely."""

    def __init__(self, directory: pathlib.Path, cluster: buildbarn.Cluster) -> None:
        self.bazel = nested.Nested(directory, downloads=nested.seed_downloads(directory))
        self.log = directory / "execution.json"
        self.arguments = (
            "build",
            "--config=remote-exec",
            f"--remote_executor={cluster.address}",
            f"--execution_log_json_file={self.log}",
            _TARGET,
        )

    def digests(self) -> dict[str, str]:
        """Return the digests of the outputs."""
        return _digests(self.bazel.workspace / "bazel-bin/images/dist")


def _digests(directory: pathlib.Path) -> dict[str, str]:
    return {path.name: nested.digest(path) for path in directory.iterdir()}


@pytest.fixture(scope="module")
def wanted() -> dict[str, str]:
    """Return the digests of the local build, which runs the test."""
    digests = _digests(pathlib.Path(os.environ["DIST"]))
    assert sum(name.endswith(".qcow2") for name in digests) >= 6
    return digests


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[buildbarn.Cluster]:
    made = buildbarn.Cluster(tmp_path_factory.mktemp("cluster") / "cluster")
    yield made
    made.close()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, cluster: buildbarn.Cluster) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("clone"), cluster)
    yield made
    made.bazel.close()


def test_build_survives_killed_workers(clone: Clone, cluster: buildbarn.Cluster, wanted: dict[str, str]) -> None:
    worker = cluster.add_worker("first")
    process = clone.bazel.start(*clone.arguments)
    for number in ("second", "third"):
        _wait_until_busy(worker, process)
        worker.kill()
        worker = cluster.add_worker(number)
    _, messages = process.communicate()
    assert process.returncode == 0, messages[-4000:]
    assert clone.digests() == wanted
    _check_where_it_ran(clone)


def test_second_build_reuses_remote_results(clone: Clone, wanted: dict[str, str]) -> None:
    clone.bazel.run("clean")
    clone.bazel.run(*clone.arguments)
    # Only the action executes again that is always local.
    executed = {action.label for action in execution_log.read(clone.log) if action.runner != "remote cache hit"}
    assert executed <= {_TARGET}
    assert clone.digests() == wanted


def _check_where_it_ran(clone: Clone) -> None:
    where: dict[str, set[str]] = collections.defaultdict(set)
    counted: collections.Counter[str] = collections.Counter()
    actions = list(execution_log.read(clone.log))
    for action in actions:
        where[action.runner].add(action.label)
        counted[action.runner] += 1
    print("\n".join(f"{name}: {value}" for name, value in execution_log.table(actions)))
    print(f"actions by where they ran: {dict(counted)}")
    assert where.keys() <= {"remote", "remote cache hit", _LOCAL_RUNNER}
    assert where[_LOCAL_RUNNER] <= _LOCAL
    assert counted["remote"] >= 20


def _wait_until_busy(worker: buildbarn.Worker, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 3600
    since = None
    # A short action could end before the test kills the worker.
    while since is None or time.monotonic() - since < 1:
        assert process.poll() is None, "the build was over before a worker was busy"
        assert time.monotonic() < end, "no worker was ever busy"
        since = (since or time.monotonic()) if worker.is_busy() else None
        time.sleep(0.1)
