"""Create the beginnings of Mach-O and PE files for tests."""

from __future__ import annotations

import struct


def mach_o(machine: int, *, bits: int = 64, order: str = "<") -> bytes:
    """Return a Mach-O header of an executable without load commands.

    Args:
        machine: cputype of <mach/machine.h>.
        bits: 32 or 64.
        order: byte order, as `struct` writes it.
    """
    magic = 0xFEEDFACE if bits == 32 else 0xFEEDFACF
    return struct.pack(order + "7I", magic, machine, 3, 2, 0, 0, 0) + bytes(4 if bits == 64 else 0)


def universal(*machines: int, bits: int = 32) -> bytes:
    """Return the header of a universal file with one slice for each machine; `bits` is that of the offsets."""
    form = ">5I" if bits == 32 else ">2I2Q2I"
    tail = (0,) * (3 if bits == 32 else 4)
    slices = b"".join(struct.pack(form, machine, 3, *tail) for machine in machines)
    return struct.pack(">II", 0xCAFEBABE if bits == 32 else 0xCAFEBABF, len(machines)) + slices


def pe(machine: int, *, subsystem: int = 3, magic: int = 0x20B) -> bytes:
    """Return the headers of a PE file: MS-DOS, COFF and optional.

    Args:
        machine: of the COFF header.
        subsystem: of the optional header; 3 is Windows' console.
        magic: of the optional header: 0x20B with 64 bits, 0x10B with 32.
    """
    dos = b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, 1, 0, 0, 0, 240, 0x22)
    return dos + coff + struct.pack("<H", magic) + bytes(66) + struct.pack("<H", subsystem) + bytes(170)
