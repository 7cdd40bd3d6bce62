"""Makes kernel packages for tests: tiny images, and modules that need each other."""

from __future__ import annotations

import lzma
import pathlib
import struct

from tools.elfcheck import elf_testing
from tools.packages import deb_testing

RELEASE = "6.12.1-test"
DEBIAN = {"aarch64": "arm64", "x86_64": "amd64"}
MODULES = {
    "kernel/lib/a.ko.xz": "",
    "kernel/lib/b-dash.ko.xz": "depends=a",
    "kernel/net/c.ko.xz": "depends=b_dash,builtin_one",
    "kernel/fs/d.ko.xz": "depends=a|softdep=pre: crypto-x|alias=fs-d",
    "kernel/crypto/x.ko.xz": "alias=crypto-x",
}
"""Modules by path: what their description has besides name and vermagic."""

BUILTIN = "kernel/drivers/builtin-one.ko\n"


def image(architecture: str, release: str = RELEASE) -> bytes:
    """Returns the smallest image that a boot loader for the architecture would take."""
    if architecture == "aarch64":
        header = b"MZ\0\0" + bytes(52) + b"ARM\x64" + bytes(4)
        return header + f"Linux version {release} (test)".encode()
    data = bytearray(1024 + 64)
    data[0x1F1] = 1
    struct.pack_into("<I", data, 0x1F4, 4)
    data[0x1FE:0x200] = b"\x55\xaa"
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<HH", data, 0x206, 0x20F, 0)
    struct.pack_into("<H", data, 0x20E, 0x100)
    struct.pack_into("<H", data, 0x236, 1)
    text = f"{release} (test)".encode()
    data[0x300 : 0x300 + len(text)] = text
    return bytes(data)


def module(path: str, extra: str, architecture: str, release: str = RELEASE) -> bytes:
    """Returns a module's file, packed as its name says."""
    name = path.rpartition("/")[2].partition(".")[0].replace("-", "_")
    items = [*extra.split("|"), f"name={name}", f"vermagic={release} SMP mod_unload "]
    info = b"".join(item.encode() + b"\0" for item in items if item)
    data = elf_testing.module(architecture, info)
    return lzma.compress(data) if path.endswith(".xz") else data


def package(
    path: pathlib.Path,
    architecture: str = "x86_64",
    *,
    modules: dict[str, str] | None = None,
    image_of: str = "",
    module_of: str = "",
    module_release: str = RELEASE,
    without: str = "",
    name: str = "linux-image-" + RELEASE,
) -> str:
    """Writes a kernel package and returns its path.

    Args:
        path: where to.
        architecture: of the package.
        modules: as MODULES.
        image_of: architecture of the image, if another.
        module_of: architecture of the modules, if another.
        module_release: release of the modules' kernel.
        without: path of a file to leave out.
        name: name of the package.
    """
    folder = f"usr/lib/modules/{RELEASE}/"
    modules = MODULES if modules is None else modules
    files: dict[str, bytes] = {
        f"boot/vmlinuz-{RELEASE}": image(image_of or architecture),
        f"boot/config-{RELEASE}": b"CONFIG_X=y\n",
        folder + "modules.builtin": BUILTIN.encode(),
        folder + "modules.builtin.modinfo": b"builtin_one.alias=crypto-inside\0",
        folder + "modules.order": "\n".join(path.removesuffix(".xz") for path in reversed(modules)).encode(),
    }
    for module_path, extra in modules.items():
        files[folder + module_path] = module(module_path, extra, module_of or architecture, module_release)
    members = [deb_testing.member("./" + name, data) for name, data in files.items() if name != without]
    return deb_testing.deb(path, members, name=name, architecture=DEBIAN[architecture])
