"""Start a Buildbarn cluster for tests: storage and scheduler on a free port, and workers with an empty root."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import Any

# Time after which a starting process counts as hung.
_SECONDS_TO_START = 600
_MESSAGE_MAX = 16 << 20
_ALLOW: dict[str, Any] = {"allow": {}}

# Paths in the cluster's directory. They are relative because paths of sockets must be short.
_CLIENTS, _WORKERS, _RUNNER = "clients.socket", "workers.socket", "socket/runner"

# This metadata names the client of a request, so that the scheduler can be fair to many clients.
_METADATA = "build.bazel.remote.execution.v2.requestmetadata-bin"


class Cluster:
    """Storage and scheduler; `add_worker` adds workers.

    Attributes:
        address: value of --remote_executor.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        """Start an empty cluster.

        Args:
            directory: directory for all files; it must not exist.

        Raises:
            AssertionError: the cluster did not start; the message has the end of its log.
        """
        self._directory = directory
        directory.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"grpc://127.0.0.1:{port}"
        self._storage = {"grpc": {"address": f"127.0.0.1:{port}"}}
        self._workers: list[Worker] = []
        self._processes = [
            _start(directory, "bb_storage", self._storage_options(port)),
            _start(directory, "bb_scheduler", self._scheduler_options()),
        ]
        try:
            _wait(lambda: _listens(port) and (directory / _WORKERS).exists(), self._processes, directory)
        except AssertionError:
            self.close()
            raise

    def add_worker(self, name: str) -> Worker:
        """Start a worker that runs two actions at a time."""
        self._workers.append(Worker(self._directory, name, self._storage))
        return self._workers[-1]

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.kill()
        for process in self._processes:
            process.kill()
            process.wait()

    def _storage_options(self, port: int) -> dict[str, Any]:
        return {
            "actionCache": {
                "backend": {
                    "completenessChecking": {
                        "backend": self._blocks("actions", 64 << 20, 1),
                        "maximumTotalTreeSizeBytes": 64 << 20,
                    }
                },
                "getAuthorizer": _ALLOW,
                "putAuthorizer": _ALLOW,
            },
            "contentAddressableStorage": {
                "backend": self._blocks("content", 16 << 30, 3),
                "findMissingAuthorizer": _ALLOW,
                "getAuthorizer": _ALLOW,
                "putAuthorizer": _ALLOW,
            },
            "executeAuthorizer": _ALLOW,
            "global": {},
            "grpcServers": _serve(listenAddresses=[f"127.0.0.1:{port}"]),
            "maximumMessageSizeBytes": _MESSAGE_MAX,
            "schedulers": {
                "": {
                    "endpoint": {
                        "addMetadataJmespathExpression": f'{{"{_METADATA}": incomingGRPCMetadata."{_METADATA}"}}',
                        "address": f"unix:{_CLIENTS}",
                    }
                }
            },
        }

    def _scheduler_options(self) -> dict[str, Any]:
        return {
            "actionRouter": {
                "simple": {
                    "initialSizeClassAnalyzer": {
                        "defaultExecutionTimeout": "1800s",
                        "maximumExecutionTimeout": "7200s",
                    },
                    "invocationKeyExtractors": [{"toolInvocationId": {}}],
                    "platformKeyExtractor": {"action": {}},
                }
            },
            "clientGrpcServers": _serve(listenPaths=[_CLIENTS]),
            "contentAddressableStorage": self._storage,
            "executeAuthorizer": _ALLOW,
            "global": {},
            "killOperationsAuthorizer": _ALLOW,
            "maximumMessageSizeBytes": _MESSAGE_MAX,
            "modifyDrainsAuthorizer": _ALLOW,
            "platformQueueWithNoWorkersTimeout": "900s",
            "workerGrpcServers": _serve(listenPaths=[_WORKERS]),
        }

    def _blocks(self, name: str, size: int, new: int) -> dict[str, Any]:
        """Return the configuration of a store in one sparse file."""
        old, current, spare = 2, 4, 1
        return {
            "local": {
                "blocksOnBlockDevice": {
                    "source": {"file": {"path": name, "sizeBytes": size}},
                    "spareBlocks": spare,
                },
                "currentBlocks": current,
                "keyLocationMapInMemory": {"entries": 1 << 20},
                "keyLocationMapMaximumGetAttempts": 16,
                "keyLocationMapMaximumPutAttempts": 64,
                "newBlocks": new,
                "oldBlocks": old,
            }
        }


class Worker:
    """A worker, which runs actions in a root that contains only their inputs and a static shell."""

    def __init__(self, directory: pathlib.Path, name: str, storage: dict[str, Any]) -> None:
        """Start a worker.

        Args:
            directory: directory of the cluster.
            name: name of the worker.
            storage: configuration of the cluster's storage.

        Raises:
            AssertionError: the worker did not start; the message has the end of its log.
        """
        own = directory / name
        for part in ("build", "cache", "socket"):
            (own / part).mkdir(parents=True)
        options = {
            "blobstore": {"actionCache": storage, "contentAddressableStorage": storage},
            "browserUrl": "http://localhost",
            "buildDirectories": [
                {
                    "native": {
                        "buildDirectoryPath": str(own / "build"),
                        "cacheDirectoryPath": str(own / "cache"),
                        "cacheReplacementPolicy": "LEAST_RECENTLY_USED",
                        "maximumCacheFileCount": 100_000,
                        "maximumCacheSizeBytes": 8 << 30,
                    },
                    "runners": [
                        {
                            "concurrency": 2,
                            "endpoint": {"address": f"unix:{_RUNNER}"},
                            "platform": {},
                            "workerId": {"name": name},
                        }
                    ],
                }
            ],
            "directoryCache": {
                "cacheReplacementPolicy": "LEAST_RECENTLY_USED",
                "maximumCount": 10_000,
                "maximumSizeBytes": 64 << 20,
            },
            "global": {},
            "inputDownloadConcurrency": 10,
            "maximumMessageSizeBytes": _MESSAGE_MAX,
            "outputUploadConcurrency": 10,
            "scheduler": {"address": f"unix:../{_WORKERS}"},
        }
        runner: dict[str, Any] = {
            "buildDirectoryPath": "/build",
            "global": {},
            "grpcServers": _serve(listenPaths=[f"/{_RUNNER}"]),
        }
        self._runner = _start(own, "bb_runner", runner, _empty_root(own))
        self._processes = [_start(own, "bb_worker", options), self._runner]
        try:
            _wait((own / _RUNNER).exists, self._processes, own)
        except AssertionError:
            self.kill()
            raise

    def is_busy(self) -> bool:
        """Tell whether an action runs; the download of its inputs does not count."""
        # bwrap, its process 1 and bb_runner always run.
        return len(_descendants(self._runner.pid)) > 2

    def kill(self) -> None:
        """Kill the worker and its actions, like a failing machine."""
        for pid in [*_descendants(self._runner.pid), *(process.pid for process in self._processes)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for process in self._processes:
            process.wait()


def _empty_root(directory: pathlib.Path) -> list[str]:
    """Return a command that starts the runner in a root with a static shell, /dev, /proc, /tmp, and no network."""
    return [
        _program("bwrap"),
        "--unshare-all",
        "--die-with-parent",
        "--clearenv",
        *("--bind", str(directory / "build"), "/build"),
        *("--bind", str(directory / "socket"), "/socket"),
        *("--dev", "/dev"),
        *("--proc", "/proc"),
        *("--tmpfs", "/tmp"),
        *("--ro-bind", _program("busybox"), "/bin/sh"),
        *("--ro-bind", _program("bb_runner"), "/runner"),
        *("--ro-bind", str(directory / "bb_runner.json"), "/runner.json"),
        *("--chdir", "/"),
        "/runner",
        "/runner.json",
    ]


def _program(name: str) -> str:
    return str(pathlib.Path(os.environ[name.upper()]).resolve())


def _serve(**where: Sequence[str]) -> list[dict[str, Any]]:
    return [{"authenticationPolicy": _ALLOW, **where}]


def _start(
    directory: pathlib.Path, name: str, options: dict[str, Any], command: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    configuration = directory / f"{name}.json"
    configuration.write_text(json.dumps(options))
    with open(directory / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            command or [_program(name), str(configuration)], cwd=directory, stdout=log, stderr=subprocess.STDOUT
        )


def _wait(ready: Any, processes: Sequence[subprocess.Popen[bytes]], directory: pathlib.Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while not ready():
        if time.monotonic() > end or any(process.poll() is not None for process in processes):
            logs = "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in directory.glob("*.log"))
            raise AssertionError(f"the cluster did not start:\n{logs}")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _descendants(pid: int) -> list[int]:
    """Return the descendants of a process, the closest ones first."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # Go may start programs from any thread.
    for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += thread.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            pass
    below = [int(child) for child in dict.fromkeys(children)]
    return [*below, *(further for child in below for further in _descendants(child))]
