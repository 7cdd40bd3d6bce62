# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Runs one piece of code with exec-sandbox, as its users do, and prints what it got as JSON.

Started by exec_sandbox_test.py under a newer Python than the test's. Standard input is a JSON object with the arguments
of `Scheduler.run`.
"""

import asyncio
import ctypes
import json
import logging
import os
import pathlib
import sys

from exec_sandbox import Language, Scheduler, SchedulerConfig

_MS_RDONLY = 1


def as_most_users() -> None:
    """Takes from this process and its children what few users have and the client trips over.

    Control groups: it goes on without them where the kernel says that they are read-only. A build's sandbox has none at
    all, which it does not expect.

    Namespaces of processes, which are root's: with them it starts QEMU under `unshare`, whose child does not get the
    signal that ends the guest in which packages were installed, and waits for that end for ever.
    """
    user, group = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    pathlib.Path("/proc/sys/user/max_pid_namespaces").write_text("0")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", b"/sys/fs/cgroup", b"tmpfs", _MS_RDONLY, None):
        raise OSError(ctypes.get_errno(), "cannot mount over /sys/fs/cgroup")


class Warnings(logging.Handler):
    """Keeps what the client logs when it goes on without something that it was asked for."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()}: {getattr(record, 'error', '')}")


async def main() -> None:
    """Boots, runs, prints."""
    config = SchedulerConfig(
        images_dir=pathlib.Path(sys.argv[1]), snapshot_cache_dir=pathlib.Path(sys.argv[2]), auto_download_assets=False
    )
    chunks: list[str] = []
    warnings = Warnings()
    logging.getLogger("exec_sandbox.scheduler").addHandler(warnings)
    async with Scheduler(config) as scheduler:
        try:
            arguments = json.load(sys.stdin)
            arguments["language"] = Language(arguments["language"])
            result = await scheduler.run(**arguments, on_stdout=chunks.append)
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        else:
            answer = {"stdout": result.stdout, "stderr": result.stderr, "exit_code": result.exit_code}
        print(json.dumps(answer | {"chunks": chunks, "warnings": warnings.lines}), flush=True)


as_most_users()
asyncio.run(main())
