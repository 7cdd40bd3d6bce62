"""Test the limits of user code in a guest, by code that tries to exceed them."""

from __future__ import annotations

import pytest

from tests.boot.guest import Booted

# Calls that would harm the guest or raise the user's privileges.
_CALLS = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, result):
    print(what, errno.errorcode[ctypes.get_errno()] if result else "done")
BIND, REMOUNT, NEW_USER, NEW_MOUNT = 4096, 32, 0x10000000, 0x20000
attempt("mount", libc.mount(b"none", b"/mnt", b"tmpfs", 0, None))
attempt("proc", libc.mount(b"proc", b"/mnt", b"proc", 0, None))
attempt("bind", libc.mount(b"/tmp", b"/usr", None, BIND, None))
attempt("remount", libc.mount(None, b"/", None, REMOUNT, None))
attempt("unmount", libc.umount2(b"/proc/cmdline", 2))
attempt("user namespace", libc.unshare(NEW_USER))
attempt("mount namespace", libc.unshare(NEW_MOUNT))
attempt("root", libc.setuid(0))
attempt("chroot", libc.chroot(b"/tmp"))
attempt("swap", libc.swapoff(b"/dev/zram0"))
attempt("disk", libc.mknod(b"/home/user/disk", 0o60600, os.makedev(254, 0)))
attempt("device", libc.mknod(b"/tmp/null", 0o20666, os.makedev(1, 3)))
attempt("trace", libc.ptrace(16, 1, 0, 0))
attempt("reboot", libc.reboot(0x1234567))
attempt("clock", libc.settimeofday(b"\\1" + bytes(15), None))
attempt("host name", libc.sethostname(b"x", 1))
"""

_REFUSED = """mount EPERM
proc EPERM
bind EPERM
remount EPERM
unmount EPERM
user namespace ENOSPC
mount namespace EPERM
root EPERM
chroot EPERM
swap EPERM
disk EPERM
device EPERM
trace EPERM
reboot EPERM
clock EPERM
host name EPERM
"""


def _run(booted: Booted, code: str) -> list[str]:
    done = booted.run("raw", code)
    assert done.stderr == "", done
    return done.stdout.splitlines()


def test_privileged_system_calls_fail(booted: Booted) -> None:
    done = booted.run("python", _CALLS)
    assert (done.stdout, done.stderr) == (_REFUSED, "")


@pytest.mark.parametrize(
    "program",
    [
        "losetup -f /tmp/file",
        "losetup /dev/loop0 /tmp/file",
        "mkfs.ext4 -qF /dev/vda",
        "mknod /tmp/disk b 254 0",
        "mount -t proc proc /mnt",
        "mount -t tmpfs none /home/user",
        "mount --bind /tmp /usr",
        "mount -o remount,rw /",
        "umount /proc/sys",
        "umount -l /home/user",
    ],
)
def test_privileged_program_fails_and_changes_nothing(booted: Booted, program: str) -> None:
    mounts = _run(booted, "cat /proc/mounts")
    done = booted.run("raw", f"truncate -s 1M /tmp/file; {program}; code=$?; rm -f /tmp/file; exit $code")
    # The program exists, and it fails.
    assert done.exit_code not in (0, 126, 127), done
    assert _run(booted, "cat /proc/mounts; find /dev /tmp -type b") == mounts


def test_mounts_have_their_flags(booted: Booted) -> None:
    lines = _run(booted, "cut -d' ' -f2-4 /proc/mounts")
    # The last of several mounts on one path hides the others.
    mounts = {path: (kind, set(flags.split(","))) for path, kind, flags in (line.split() for line in lines)}
    fixed = {"ro", "nosuid"}
    for path in ("/", "/usr", "/usr/bin", "/usr/sbin", "/dev", "/proc/sys", "/sys", "/etc/resolv.conf"):
        assert fixed <= mounts[path][1], (path, mounts[path])
    for path in ("/", "/usr", "/home/user", "/tmp", "/dev/shm", "/opt/packages", "/run"):
        assert {"nosuid", "nodev"} <= mounts[path][1], (path, mounts[path])
    assert "noexec" in mounts["/dev/shm"][1] and "noexec" not in mounts["/home/user"][1]
    for path in ("/home/user", "/tmp", "/dev/shm"):
        assert mounts[path][0] == "tmpfs" and "usrquota" in mounts[path][1], (path, mounts[path])
    assert any(flag.startswith("hidepid=") for flag in mounts["/proc"][1])
    assert not any(kind.startswith("cgroup") for kind, _ in mounts.values())


@pytest.mark.parametrize(
    "path", ["/", "/bin", "/sbin", "/usr/lib", "/usr/local/bin", "/etc", "/opt", "/home", "/dev", "/sys", "/proc/sys"]
)
def test_directory_is_read_only(booted: Booted, path: str) -> None:
    done = booted.run("raw", f"touch {path}/new")
    # /proc and /sys let nobody create files.
    expected = "No such file" if path == "/proc/sys" else "Permission denied" if path == "/sys" else "Read-only"
    assert expected in done.stderr or "Read-only" in done.stderr, done


def test_dev_has_no_disks(booted: Booted) -> None:
    lines = _run(
        booted,
        "find /dev -type b; stat -c %a /dev/random /dev/urandom; echo x > /dev/null; head -c 4 /dev/urandom | wc -c; "
        "ls -d /sys/fs/cgroup/* 2> /dev/null; [ -w /dev/urandom ] || echo closed",
    )
    assert lines == ["644", "644", "4", "closed"]


def test_processes_of_other_users_are_hidden(booted: Booted) -> None:
    lines = _run(booted, "ls -d /proc/1 2> /dev/null; stat -c %u /proc/[0-9]* | sort -u; cat /proc/self/comm")
    assert lines == ["1000", "cat"]


@pytest.mark.parametrize("name", ["cmdline", "version", "interrupts", "keys", "timer_list", "kallsyms"])
def test_proc_file_is_empty(booted: Booted, name: str) -> None:
    assert _run(booted, f"cat /proc/{name} 2> /dev/null || true") == []


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("fs/protected_fifos", "2"),
        ("fs/protected_hardlinks", "1"),
        ("fs/protected_regular", "2"),
        ("fs/protected_symlinks", "1"),
        ("kernel/dmesg_restrict", "1"),
        ("kernel/kptr_restrict", "2"),
        ("kernel/threads-max", "1200"),
        ("kernel/yama/ptrace_scope", "2"),
        ("net/ipv4/ping_group_range", "0\t2147483647"),
        ("user/max_user_namespaces", "0"),
    ],
)
def test_sysctl_has_its_value_and_is_read_only(booted: Booted, path: str, values: str) -> None:
    done = booted.run("raw", f"cat /proc/sys/{path}; echo 0 > /proc/sys/{path}")
    assert done.stdout == values + "\n"
    assert "Read-only file system" in done.stderr or "Permission denied" in done.stderr, done


def test_process_limits_are_set(booted: Booted) -> None:
    assert _run(booted, "ulimit -Hu; ulimit -Hc; ulimit -Hn") == ["1024", "0", "4096"]


# Exceeds the limits of a directory in three ways, the last by writing into the holes of a sparse file.
_FILL = """
cd {place}
total=$(awk '/MemTotal/ {{ print $2 }}' /proc/meminfo)
error=$(head -c $((total * 1024)) /dev/zero 2>&1 > full) && echo no bound
[ $(stat -c %s full) -le $((total * 1024 * {percent} / 100 + 4096)) ] || echo too large
echo "$error" | grep -oE 'quota exceeded|No space'
rm full
truncate -s 100G sparse && echo sparse
dd if=/dev/zero of=sparse bs=1M count=$((total / 1024)) conv=notrunc 2> /dev/null && echo no bound
rm sparse
echo x > y && cat y && rm y
"""


@pytest.mark.parametrize(("place", "percent"), [("/home/user", 40), ("/tmp", 50), ("/dev/shm", 40)])
def test_guest_survives_full_directory(booted: Booted, place: str, percent: int) -> None:
    lines = _run(booted, _FILL.format(place=place, percent=percent))
    assert lines[0] in ("quota exceeded", "No space") and lines[1:] == ["sparse", "x"]


def test_tmp_limits_number_of_files(booted: Booted) -> None:
    code = (
        "import errno, os, pathlib, shutil\n"
        "directory = pathlib.Path('/tmp/many')\ndirectory.mkdir()\ncount = 0\n"
        "try:\n"
        "    while count < 20000:\n"
        "        os.close(os.open(directory / str(count), os.O_CREAT | os.O_WRONLY)); count += 1\n"
        "except OSError as error:\n"
        "    print(errno.errorcode[error.errno])\n"
        "print(15000 < count < 16384, os.statvfs('/tmp').f_files)\n"
        "shutil.rmtree(directory)\n"
    )
    assert booted.run("python", code).stdout == "ENOSPC\nTrue 16384\n"
