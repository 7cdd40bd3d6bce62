"""Flags and ledgers are read strictly: a guest writes the ledger."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tools.cli import cli
from tools.measure import boots

_VALUE = "x86_64=qemu,vmlinux,initramfs,microvm"


def test_ledger_has_stages_in_order() -> None:
    assert boots.stages("kernel=310000,mounts=420,switch=0") == [("kernel", 0.31), ("mounts", 0.00042), ("switch", 0)]


@pytest.mark.parametrize(
    "ledger", ["", "kernel", "kernel=", "kernel=-1", "kernel=1,", "<b>=1", "kernel=1e9", "k=1\n", "k=" + "9" * 13]
)
def test_other_text_is_no_ledger(ledger: str) -> None:
    with pytest.raises(boots.LedgerError, match="as its boot ledger"):
        boots.stages(ledger)


def test_timeline_has_qemu_and_agent_around_the_stages() -> None:
    found = boots.timeline(2.0, 1.5, [("kernel", 0.75), ("mounts", 0.25)])
    assert found == [("QEMU", 0.5), ("kernel", 0.75), ("mounts", 0.25), ("agent", 0.5)]


def test_timeline_of_a_wrong_clock_has_no_negative_part() -> None:
    assert boots.timeline(2.0, 2.5, [("kernel", 2.25)]) == [("QEMU", 0), ("kernel", 2.25), ("agent", 0)]
    assert boots.timeline(2.0, -1.0, [("kernel", 0.5)]) == [("QEMU", 1.5), ("kernel", 0.5), ("agent", 0)]


def test_guest_has_absolute_files() -> None:
    guest = boots.guests([_VALUE])["x86_64"]
    assert (guest.machine, guest.disk) == ("microvm", None)
    assert guest.kernel == pathlib.Path("vmlinux").absolute()


@pytest.mark.parametrize("value", ["x86_64", "x86_64=qemu,vmlinux,initramfs", f"{_VALUE}2", "riscv64=a,b,c,virt"])
def test_other_guest_is_rejected(value: str) -> None:
    with pytest.raises(cli.UsageError, match="--guest="):
        boots.guests([value])


def test_disk_of_other_architecture_is_rejected() -> None:
    with pytest.raises(cli.UsageError, match="also give --guest=aarch64="):
        asyncio.run(boots.with_disk(boots.guests([_VALUE]), "aarch64=disk"))
