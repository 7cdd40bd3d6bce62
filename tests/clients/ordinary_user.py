# pyright: basic, reportAttributeAccessIssue=false
"""Gives a client the rights that most of its users have."""

import ctypes
import os
import pathlib

_MS_RDONLY = 1


def become() -> None:
    """Take from this process and its children what few users have and the client trips over.

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
