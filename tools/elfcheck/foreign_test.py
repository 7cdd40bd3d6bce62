"""Test of the recogniser of other systems' machine code."""

from __future__ import annotations

import random
import struct

import pytest

from tools.elfcheck import elf_testing, foreign, foreign_testing


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (foreign_testing.mach_o(0x0100000C), "a Mach-O file of macOS (arm64)"),
        (foreign_testing.mach_o(7, bits=32), "a Mach-O file of macOS (i386)"),
        (foreign_testing.mach_o(18, bits=32, order=">"), "a Mach-O file of macOS (ppc)"),
        (foreign_testing.mach_o(0x99), "a Mach-O file of macOS (machine 0x99)"),
        (foreign_testing.universal(0x01000007, 0x0100000C), "a universal Mach-O file of macOS (x86_64, arm64)"),
        (foreign_testing.universal(7, bits=64), "a universal Mach-O file of macOS (i386)"),
        (foreign_testing.pe(0x8664), "a PE file of Windows (x86_64)"),
        (foreign_testing.pe(0x014C, magic=0x10B), "a PE file of Windows (i386)"),
        (foreign_testing.pe(0xAA64, subsystem=10), "a PE file of UEFI (arm64)"),
        (foreign_testing.pe(0x1234, magic=0), "a PE file of Windows (machine 0x1234)"),
    ],
)
def test_foreign_machine_code_is_named(data: bytes, name: str) -> None:
    assert foreign.recognise(data) == name
    assert foreign.recognise(data + bytes(10_000)) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        b"MZ: a text",
        b"MZ" + bytes(58) + struct.pack("<I", 2**32 - 1),
        elf_testing.elf(),
        # A class file of Java 8, and one of Java 1.0.2.
        b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(100),
        b"\xca\xfe\xba\xbe\0\x03\0\x2d" + bytes(100),
        b"\xfe\xed\xfa\xce",
    ],
)
def test_other_files_are_not_foreign(data: bytes) -> None:
    assert foreign.recognise(data) is None


def test_uefi_file_is_of_one_architecture() -> None:
    assert foreign.is_uefi(foreign_testing.pe(0x8664, subsystem=10), "x86_64")
    assert not foreign.is_uefi(foreign_testing.pe(0x8664, subsystem=10), "aarch64")
    assert not foreign.is_uefi(foreign_testing.pe(0x8664), "x86_64")
    assert not foreign.is_uefi(elf_testing.elf(), "x86_64")


def test_damaged_headers_do_not_crash() -> None:
    choice = random.Random(1)
    originals = [foreign_testing.mach_o(7), foreign_testing.universal(7, 12), foreign_testing.pe(0x8664)]
    for original in originals:
        for length in range(len(original)):
            foreign.recognise(original[:length])
        for _ in range(1000):
            data = bytearray(original)
            data[choice.randrange(2, len(data))] = choice.randrange(256)
            foreign.recognise(bytes(data))
