"""The uncompressed kernel boots: on x86_64 QEMU starts it at its PVH entry point."""

from __future__ import annotations

from tests.boot.guest import PATIENCE, Booted

# How the files begin: ELF; the two letters that an arm64 Image shares with EFI programs.
_STARTS = {"aarch64": b"MZ", "x86_64": b"\x7fELF"}

# The boot protocol that the kernel's PVH start writes down, where a bzImage says its own, a later one.
_PVH_PROTOCOL = "0x020c"


def test_it_is_not_compressed(booted: Booted) -> None:
    with open(booted.machine.guest.kernel, "rb") as kernel:
        assert kernel.read(4).startswith(_STARTS[booted.machine.guest.architecture])
    assert booted.machine.guest.kernel.stat().st_size > 20 << 20


def test_agent_answers(booted: Booted) -> None:
    assert booted.wait(booted.agent.ping(PATIENCE))


def test_modules_of_the_initramfs_are_its_own(booted: Booted) -> None:
    modules = booted.run("raw", "cut -d' ' -f1 /proc/modules").stdout.split()
    assert {"virtio_blk", "zram"} <= set(modules)
    assert "errno=" not in booted.machine.console()


def test_entry_point(booted: Booted) -> None:
    if booted.machine.guest.architecture == "x86_64":
        assert booted.run("raw", "cat /sys/kernel/boot_params/version").stdout.strip() == _PVH_PROTOCOL
    else:
        # An Image has the one.
        assert booted.run("raw", "ls /sys/kernel/boot_params").exit_code != 0
