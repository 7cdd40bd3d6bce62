"""Recognise machine code of other systems than Linux: Mach-O, and PE of Windows or UEFI.

References: <mach-o/loader.h>, <mach-o/fat.h>, and Microsoft's "PE Format". The module parses only as far as the name in
the message needs.
"""

from __future__ import annotations

import struct

START_MAX = 4096
"""Bytes at the beginning of a file that are enough to recognise it."""

_MACH_O = {
    b"\xce\xfa\xed\xfe": "<",
    b"\xcf\xfa\xed\xfe": "<",
    b"\xfe\xed\xfa\xce": ">",
    b"\xfe\xed\xfa\xcf": ">",
}
_UNIVERSAL = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
_ARCHITECTURES_MAX = 42
"""Most architectures of one universal file. Java's class files have the same magic, and from here on their version."""

_MACH_O_MACHINES = {7: "i386", 12: "arm", 18: "ppc", 0x01000007: "x86_64", 0x0100000C: "arm64", 0x0200000C: "arm64_32"}
_PE_MACHINES = {0x014C: "i386", 0x01C4: "arm", 0x0200: "ia64", 0x5064: "riscv64", 0x8664: "x86_64", 0xAA64: "arm64"}
_PE_SUBSYSTEM = 68
"""Offset of the subsystem in the optional header, with 32 and with 64 bits."""
_PE_OPTIONAL_MAGICS = (0x10B, 0x20B)
_UEFI = range(10, 14)
_UEFI_MACHINES = {"aarch64": 0xAA64, "x86_64": 0x8664}


def recognise(data: bytes) -> str | None:
    """Name the kind of machine code in a file, if it is for another system than Linux.

    Args:
        data: the file's bytes, or its first START_MAX.

    Returns:
        A noun phrase for messages, such as `a Mach-O file of macOS (arm64)`, or None.
    """
    return _mach_o(data) or _universal(data) or _pe(data)


def is_uefi(data: bytes, architecture: str) -> bool:
    """Return whether a file is for the firmware of an architecture, like boot loaders and Linux kernels.

    Args:
        data: the file's bytes, or its first START_MAX.
        architecture: `aarch64` or `x86_64`.
    """
    header = _pe_header(data)
    return header is not None and header[0] == _UEFI_MACHINES[architecture] and header[1] in _UEFI


def _mach_o(data: bytes) -> str | None:
    order = _MACH_O.get(data[:4])
    # The header has 28 bytes. Its second word is the machine's number.
    if order is None or len(data) < 28:
        return None
    (machine,) = struct.unpack_from(order + "I", data, 4)
    return f"a Mach-O file of macOS ({_MACH_O_MACHINES.get(machine, f'machine {machine:#x}')})"


def _universal(data: bytes) -> str | None:
    if data[:4] not in _UNIVERSAL or len(data) < 8:
        return None
    (count,) = struct.unpack_from(">I", data, 4)
    size = 20 if data[:4] == _UNIVERSAL[0] else 32
    if not 0 < count <= _ARCHITECTURES_MAX:
        return None
    machines: list[str] = []
    for at in range(8, min(8 + size * count, len(data) - 3), size):
        (machine,) = struct.unpack_from(">I", data, at)
        machines.append(_MACH_O_MACHINES.get(machine, f"machine {machine:#x}"))
    return f"a universal Mach-O file of macOS ({', '.join(machines)})"


def _pe(data: bytes) -> str | None:
    header = _pe_header(data)
    if header is None:
        return None
    machine, subsystem = header
    system = "UEFI" if subsystem in _UEFI else "Windows"
    return f"a PE file of {system} ({_PE_MACHINES.get(machine, f'machine {machine:#x}')})"


def _pe_header(data: bytes) -> tuple[int, int] | None:
    """Return machine and subsystem, which is 0 if the file has none."""
    if data[:2] != b"MZ" or len(data) < 64:
        return None
    (at,) = struct.unpack_from("<I", data, 60)
    if data[at : at + 4] != b"PE\0\0" or len(data) < at + 24:
        return None
    (machine,) = struct.unpack_from("<H", data, at + 4)
    optional = data[at + 24 : at + 24 + _PE_SUBSYSTEM + 2]
    if len(optional) < _PE_SUBSYSTEM + 2 or struct.unpack_from("<H", optional)[0] not in _PE_OPTIONAL_MAGICS:
        return machine, 0
    return machine, struct.unpack_from("<H", optional, _PE_SUBSYSTEM)[0]
