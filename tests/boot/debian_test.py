"""Test that Debian's kernel boots an image with the modules of its initramfs."""

from __future__ import annotations

from tests.boot.guest import Booted


def test_kernel_has_release_of_debian(booted: Booted) -> None:
    assert "-cloud-" in booted.run("raw", "uname -r").stdout


def test_modules_of_initramfs_load(booted: Booted) -> None:
    modules = booted.run("raw", "cut -d' ' -f1 /proc/modules").stdout.split()
    assert {"virtio_blk", "zram"} <= set(modules)
    assert "errno=" not in booted.machine.console()
