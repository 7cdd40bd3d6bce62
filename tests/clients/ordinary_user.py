# pyright: basic, reportAttributeAccessIssue=false
"""Reduce the rights of a client to those that most users have."""

import ctypes
import os
import pathlib

_MS_RDONLY = 1


def become() -> None:
    """Drop rights of this process and its children that few users have and that break the client.

    Control groups: the client continues without them if they are read-only. It does not expect that a build's sandbox
    has none at all.

    PID namespaces, which only root may create: with them the client starts QEMU under `unshare`, which does not pass
    on the signal that ends a guest after an installation. The client then waits for that end for ever.
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
