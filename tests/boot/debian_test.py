"""Debian's kernel boots an image, with modules that its initramfs loads."""

from __future__ import annotations

from tests.boot.guest import Booted


def test_kernel_is_debians(booted: Booted) -> None:
    assert "-cloud-" in booted.run("raw", "uname -r").stdout


def test_modules_of_the_initramfs_are_its_own(booted: Booted) -> None:
    modules = booted.run("raw", "cut -d' ' -f1 /proc/modules").stdout.split()
    assert {"virtio_blk", "zram"} <= set(modules)
    assert "errno=" not in booted.machine.console()
