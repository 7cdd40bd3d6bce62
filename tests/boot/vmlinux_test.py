"""Test that the uncompressed kernel boots, on x86_64 at its PVH entry point."""

from __future__ import annotations

from tests.boot.guest import PATIENCE, Booted

# Offset and value of the magic number: an arm64 Image; ELF.
_MAGICS = {"aarch64": (56, b"ARM\x64"), "x86_64": (0, b"\x7fELF")}

# The boot protocol that the kernel's PVH start reports; a bzImage reports a later one.
_PVH_PROTOCOL = "0x020c"


def test_kernel_is_uncompressed(booted: Booted) -> None:
    offset, magic = _MAGICS[booted.machine.guest.architecture]
    assert booted.machine.guest.kernel.read_bytes()[offset : offset + 4] == magic
    assert booted.machine.guest.kernel.stat().st_size > 6 << 20


def test_agent_answers(booted: Booted) -> None:
    assert booted.wait(booted.agent.ping(PATIENCE))


def test_x86_64_boots_at_pvh_entry_point(booted: Booted) -> None:
    if booted.machine.guest.architecture == "x86_64":
        assert booted.run("raw", "cat /sys/kernel/boot_params/version").stdout.strip() == _PVH_PROTOCOL
    else:
        # An arm64 Image has only one entry point.
        assert booted.run("raw", "ls /sys/kernel/boot_params").exit_code != 0
