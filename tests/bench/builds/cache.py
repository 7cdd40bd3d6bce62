"""Row 4: all shipped outputs, from a remote cache that has them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

from tests.bench.builds import workspace
from tests.bench.rows import FEW, OWN, Comparison, Context, Row
from tests.nested import nested
from tests.remote import server

_ALL = ["//images:dist"]
_CACHED = "remote cache hit"

# An output that only the build of a kernel has.
_KERNEL = ".modules.builtin"

# The row's cache alone, for all actions: without the flags of the cache of kernels.
_ALONE = ["--disk_cache=", "--modify_execution_info="]


def _measure(context: Context) -> Iterable[Comparison]:
    copy = workspace.shared()
    log = context.directory / "execution.json"
    cache = server.Server(context.directory / "server")
    flags = [*_ALONE, "--config=remote-cache", f"--remote_cache={cache.address}", f"--execution_log_json_file={log}"]
    try:
        context.log("filling the cache")
        cache.upload(copy.kernels, _KERNEL)
        copy.bazel.run("clean")
        copy.build(_ALL, *flags)

        def once() -> tuple[float, int, float]:
            # Repositories stay: they come from the archive, not from the cache.
            copy.bazel.run("clean")
            seconds = copy.build(_ALL, *flags)
            ran = sum(count for runner, count in nested.runners(log).items() if runner != _CACHED)
            return seconds, ran, _size(copy.bazel.workspace / "bazel-out") / 1e6

        samples = context.alternate({OWN: once}, FEW)[OWN]
    finally:
        cache.kill()
    yield Comparison("actions run", "actions", {OWN: [ran for _, ran, _ in samples]}, {OWN: 0})
    yield Comparison("clock", "s", {OWN: [seconds for seconds, _, _ in samples]})
    yield Comparison("downloaded", "MB", {OWN: [size for _, _, size in samples]})


def _size(directory: pathlib.Path) -> int:
    return sum(
        path.lstat().st_size for path in directory.resolve().rglob("*") if path.is_file() and not path.is_symlink()
    )


ROW = Row(
    number=4,
    name="cache",
    title="all that is shipped, without outputs, from a full remote cache",
    peers={},
    parts=("module",),
    measure=_measure,
)
