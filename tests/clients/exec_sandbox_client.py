# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Runs one piece of code with exec-sandbox, as its users do, and prints what it got as JSON.

Started by exec_sandbox_test.py under a newer Python than the test's. Standard input is a JSON object with the arguments
of `Scheduler.run`.
"""

import asyncio
import ctypes
import json
import os
import pathlib
import sys

from exec_sandbox import Scheduler, SchedulerConfig

_MS_RDONLY = 1


def without_control_groups() -> None:
    """Shows this process and its children no control groups.

    The client goes on without them where the kernel says that they are read-only. A build's sandbox has none at all,
    which it does not expect.
    """
    user, group = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", b"/sys/fs/cgroup", b"tmpfs", _MS_RDONLY, None):
        raise OSError(ctypes.get_errno(), "cannot mount over /sys/fs/cgroup")


async def main() -> None:
    """Boots, runs, prints."""
    config = SchedulerConfig(
        images_dir=pathlib.Path(sys.argv[1]), snapshot_cache_dir=pathlib.Path(sys.argv[2]), auto_download_assets=False
    )
    chunks: list[str] = []
    async with Scheduler(config) as scheduler:
        try:
            result = await scheduler.run(**json.load(sys.stdin), on_stdout=chunks.append)
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        else:
            answer = {"stdout": result.stdout, "stderr": result.stderr, "exit_code": result.exit_code}
        print(json.dumps(answer | {"chunks": chunks}), flush=True)


without_control_groups()
asyncio.run(main())
