"""Test the interfaces that the images' kernel offers to programs, and those that it lacks."""

from __future__ import annotations

import pytest

from tests.boot.guest import Booted

# By system call: its numbers on x86_64 and aarch64, and its error: ENOSYS, or EACCES for users.
_REFUSED = {
    "bpf": (321, 280, 38),
    "finit_module": (313, 273, 38),
    "io_uring_setup": (425, 425, 38),
    "kexec_load": (246, 104, 38),
    "userfaultfd": (323, 282, 38),
}

_CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall({number}, 0, 0, 0, 0, 0), ctypes.get_errno())
"""

_PERF = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
attributes = ctypes.create_string_buffer(bytes([1, 0, 0, 0, 112, 0, 0, 0]) + bytes(104))
print(libc.syscall({number}, attributes, 0, -1, -1, 0), ctypes.get_errno())
"""

_PROCESSES = """
import ctypes, multiprocessing, multiprocessing.shared_memory as shared, os, socket, tempfile
def square(number):
    return number * number
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(square, range(4)) == [0, 1, 4, 9]
    block = shared.SharedMemory(create=True, size=100)
    block.unlink()
    os.memfd_create("x"), os.eventfd(0), os.pidfd_open(os.getpid()), os.timerfd_create(0)
    assert ctypes.CDLL(None).inotify_init1(0) > 0
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as server, socket.socket(family) as client:
            client.connect(server.getsockname()[:2])
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as server:
        server.bind(directory + "/socket")
    print("done")
"""


def _number(booted: Booted, x86_64: int, aarch64: int) -> int:
    return x86_64 if booted.machine.guest.architecture == "x86_64" else aarch64


def test_kernel_is_own_and_has_no_modules(booted: Booted) -> None:
    assert booted.run("raw", "uname -r").stdout.endswith("-sandbox\n")
    assert booted.run("raw", "cat /proc/modules").exit_code != 0


def test_emulated_processor_copies_by_words(booted: Booted) -> None:
    # QEMU emulates these string instructions byte by byte (`tcg-x86_64.patch`).
    if booted.machine.guest.accelerator == "tcg":
        assert not {"erms", "fsrm"} & set(booted.run("raw", "cat /proc/cpuinfo").stdout.split())


def test_emulated_timer_is_not_measured(booted: Booted) -> None:
    described = booted.machine.guest
    if described.accelerator == "tcg" and described.machine == "microvm":
        # A kernel that measures the timer of the APIC by another one keeps that one beside it.
        devices = booted.run("raw", "cat /sys/devices/system/clockevents/*/current_device").stdout.split()
        assert devices == ["lapic"]


@pytest.mark.parametrize("name", _REFUSED)
def test_system_call_is_refused(booted: Booted, name: str) -> None:
    *numbers, error = _REFUSED[name]
    done = booted.run("python", _CALL.format(number=_number(booted, numbers[0], numbers[1])))
    assert done.stdout == f"-1 {error}\n"


def test_perf_event_open_fails_for_users(booted: Booted) -> None:
    done = booted.run("python", _PERF.format(number=_number(booted, 298, 241)))
    # EACCES if the kernel supports performance events, ENOSYS otherwise.
    assert done.stdout in ("-1 13\n", "-1 38\n")


@pytest.mark.parametrize("path", ["/dev/mem", "/dev/port", "/proc/kcore", "/sys/kernel/debug/x", "/dev/cpu/0/msr"])
def test_kernel_interface_is_absent(booted: Booted, path: str) -> None:
    assert booted.run("raw", f"ls {path}").exit_code != 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kernel/dmesg_restrict", "1"),
        ("kernel/panic", "-1"),
        ("kernel/panic_on_oops", "1"),
        ("kernel/yama/ptrace_scope", "2"),
    ],
)
def test_sysctl_has_value_of_kernel_configuration(booted: Booted, path: str, value: str) -> None:
    assert booted.run("raw", f"cat /proc/sys/{path}").stdout.strip() == value


def test_file_systems_and_swap_are_there(booted: Booted) -> None:
    names = booted.run("raw", "cut -f2 /proc/filesystems").stdout.split()
    assert {"ext4", "erofs", "overlay", "tmpfs", "cgroup2"} <= set(names)
    assert "/dev/zram0" in booted.run("raw", "cat /proc/swaps").stdout
    assert "some avg10=" in booted.run("raw", "cat /proc/pressure/memory").stdout


def test_multiprocessing_shared_memory_and_sockets_work(booted: Booted) -> None:
    done = booted.run("python", _PROCESSES)
    assert done.stdout == "done\n", done.stderr
