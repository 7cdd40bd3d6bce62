"""Create kernel packages for tests: tiny images, and modules that depend on each other."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import struct
from collections.abc import Mapping

from tools.elfcheck import elf_testing
from tools.packages import apk_testing, deb_testing

RELEASE = "6.12.1-test"
DEBIAN = {"aarch64": "arm64", "x86_64": "amd64"}
MODULES = {
    "kernel/lib/a.ko.xz": "",
    "kernel/lib/b-dash.ko.xz": "depends=a",
    "kernel/net/c.ko.xz": "depends=b_dash,builtin_one",
    "kernel/fs/d.ko.xz": "depends=a|softdep=pre: crypto-x|alias=fs-d",
    "kernel/crypto/x.ko.xz": "alias=crypto-x",
}
"""Modules by path, with the fields of their description beside name and vermagic."""

BUILTIN = "kernel/drivers/builtin-one.ko\n"


def image(architecture: str, release: str = RELEASE) -> bytes:
    """Return the smallest image that a boot loader for the architecture accepts."""
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


def bzimage(payload: bytes, release: str = RELEASE) -> bytes:
    """Return a bzImage with a packed kernel in it."""
    data = bytearray(image("x86_64", release))
    struct.pack_into("<II", data, 0x248, 64, len(payload))
    data += payload + bytes(-len(payload) % 16)
    struct.pack_into("<I", data, 0x1F4, (len(data) - 1024) // 16)
    return bytes(data)


def vmlinux(entry: int | None = 0x400100, release: str = RELEASE, architecture: str = "x86_64") -> bytes:
    """Return a kernel that a PVH loader accepts; `entry` is its start address, or None for no such note."""
    note = b"" if entry is None else struct.pack("<III4sQ", 4, 8, 18, b"Xen\0", entry)
    note += struct.pack("<III4sI", 4, 4, 256, b"abc\0", 0)
    code = f"Linux version {release} (test)".encode().ljust(512)
    segments = ((elf_testing.PT_LOAD, 7, code), (elf_testing.PT_NOTE, 4, note))
    return elf_testing.elf(architecture, segments=segments, sections=((".notes", note),))


def zboot(payload: bytes) -> bytes:
    """Return an EFI program that would unpack an arm64 Image."""
    return b"MZ\0\0zimg" + struct.pack("<II8s32s", 64, len(payload), b"", b"gzip").ljust(56, b"\0") + payload


def unified(sections: Mapping[str, bytes]) -> bytes:
    """Return a unified kernel image: an EFI program with the sections by their names."""
    header = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    header += struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, len(sections), 0, 0, 0, 16, 0) + bytes(16)
    at = len(header) + 40 * len(sections)
    table = body = b""
    for name, data in sections.items():
        raw = data + bytes(-len(data) % 512)
        table += struct.pack("<8sIIII16x", name.encode(), len(data), 0, len(raw), at + len(body))
        body += raw
    return header + table + body


def module(path: str, extra: str, architecture: str, release: str = RELEASE) -> bytes:
    """Return a module's file, packed according to its name."""
    name = path.rpartition("/")[2].partition(".")[0].replace("-", "_")
    items = [*extra.split("|"), f"name={name}", f"vermagic={release} SMP mod_unload "]
    info = b"".join(item.encode() + b"\0" for item in items if item)
    data = elf_testing.module(architecture, info)
    if path.endswith(".gz"):
        return gzip.compress(data)
    return lzma.compress(data) if path.endswith(".xz") else data


def _files(
    architecture: str,
    modules: dict[str, str] | None,
    image_of: str,
    module_of: str,
    module_release: str,
) -> dict[str, bytes]:
    """Return the files of a release's directory, by path below it; `vmlinuz` is the image."""
    modules = MODULES if modules is None else modules
    files = {
        "vmlinuz": image(image_of or architecture),
        "modules.builtin": BUILTIN.encode(),
        "modules.builtin.modinfo": b"builtin_one.alias=crypto-inside\0",
        "modules.order": "\n".join(path.removesuffix(".xz") for path in reversed(modules)).encode(),
    }
    for path, extra in modules.items():
        files[path] = module(path, extra, module_of or architecture, module_release)
    return files


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
    """Write a Debian kernel package and return its path.

    Args:
        path: output: the package.
        architecture: of the package.
        modules: like MODULES.
        image_of: architecture of the image, if another.
        module_of: architecture of the modules, if another.
        module_release: release of the modules' kernel.
        without: path of an omitted file.
        name: name of the package.
    """
    inside = _files(architecture, modules, image_of, module_of, module_release)
    files = {f"boot/vmlinuz-{RELEASE}": inside.pop("vmlinuz"), f"boot/config-{RELEASE}": b"CONFIG_X=y\n"}
    files |= {f"usr/lib/modules/{RELEASE}/{name}": data for name, data in inside.items()}
    members = [deb_testing.member("./" + name, data) for name, data in files.items() if name != without]
    return deb_testing.deb(path, members, name=name, architecture=DEBIAN[architecture])


def package_of(path: pathlib.Path, files: Mapping[str, bytes], architecture: str = "x86_64") -> str:
    """Write a Debian package of files by their paths and return its path."""
    members = [deb_testing.member("./" + place, data) for place, data in files.items()]
    name = "linux-" + path.stem.removeprefix("linux-")
    return deb_testing.deb(path, members, name=name, architecture=DEBIAN[architecture])


def split(directory: pathlib.Path, architecture: str = "x86_64") -> list[str]:
    """Write a kernel in several packages, as Debian has it since release 7, and return their paths."""
    inside = _files(architecture, None, "", "", RELEASE)
    modules = f"usr/lib/modules/{RELEASE}/"
    base = ("modules.builtin", "modules.builtin.modinfo", "modules.order")
    contents: dict[str, dict[str, bytes]] = {
        "linux-image-cloud": {},
        f"linux-image-{RELEASE}": {},
        f"linux-binary-{RELEASE}": {modules + "vmlinuz": inside["vmlinuz"]},
        f"linux-base-{RELEASE}": {
            modules + "config": b"CONFIG_X=y\n",
            **{modules + name: inside[name] for name in base},
        },
        f"linux-modules-{RELEASE}": {modules + path: inside[path] for path in MODULES},
    }
    return [package_of(directory / f"{name}.deb", files, architecture) for name, files in contents.items()]


def alpine(
    path: pathlib.Path,
    architecture: str = "x86_64",
    *,
    image_of: str = "",
    module_of: str = "",
    note: str = RELEASE + "\n",
    directory: str = "lib/modules",
    config: str = "boot/config-" + RELEASE,
    without: str = "",
    name: str = "linux-virt",
    package_of: str = "",
) -> str:
    """Write an Alpine kernel package, laid out as `linux-virt` is, and return its path.

    Args:
        path: output: the package.
        architecture: architecture of all its content.
        image_of: architecture of the image, if another.
        module_of: architecture of the modules, if another.
        note: the file with the release.
        directory: the modules' directory.
        config: path of the configuration.
        without: path of an omitted file.
        name: name of the package.
        package_of: architecture in the package's description, if another.
    """
    modules = {path.replace(".xz", ".gz"): extra for path, extra in MODULES.items()}
    inside = _files(architecture, modules, image_of, module_of, RELEASE)
    vmlinuz = inside.pop("vmlinuz")
    # Alpine's kernels for aarch64 are packed.
    files = {
        "boot/vmlinuz-virt": gzip.compress(vmlinuz) if architecture == "aarch64" else vmlinuz,
        config: b"CONFIG_X=y\n",
        f"boot/System.map-{RELEASE}": b"",
        "usr/share/kernel/virt/kernel.release": note.encode(),
    }
    files |= {f"{directory}/{RELEASE}/{name}": data for name, data in inside.items()}
    # The tool must not read depmod's output from the build of the package.
    files[f"{directory}/{RELEASE}/modules.dep"] = b"kernel/nonsense.ko.gz:\n"
    members = [deb_testing.directory("boot"), *(deb_testing.member(n, d) for n, d in files.items() if n != without)]
    return apk_testing.apk(path, members, name=name, architecture=package_of or architecture, version="6.12.1-r0")
