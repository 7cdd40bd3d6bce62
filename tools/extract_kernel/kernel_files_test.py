"""Test of kernels in several packages, in all layouts of distributions."""

from __future__ import annotations

import gzip
import lzma
import pathlib

import pytest
import zstandard

from tools.cli import errors
from tools.extract_kernel import extract, payload
from tools.extract_kernel import kernel_testing as make
from tools.extract_kernel.kernel_testing import RELEASE
from tools.packages import deb_testing

DIRECTORY = f"usr/lib/modules/{RELEASE}/"
CONFIG = b"CONFIG_X=y\n"
DEP = f"lib/modules/{RELEASE}/modules.dep"


def take(directory: pathlib.Path, packages: list[str], architecture: str = "x86_64") -> extract.Kernel:
    return extract.extract(packages, architecture, str(directory / "data.tar"))


def names(kernel: extract.Kernel) -> set[str]:
    return {entry.path.removeprefix(f"lib/modules/{RELEASE}/") for entry in kernel.modules}


def module(path: str, extra: str = "", architecture: str = "x86_64") -> dict[str, bytes]:
    return {DIRECTORY + path: make.module(path, extra, architecture)}


def files(
    architecture: str = "x86_64", image: str = f"boot/vmlinuz-{RELEASE}", data: bytes | None = None
) -> dict[str, bytes]:
    """Return the files of a small kernel in one package by path; `data` is another image."""
    return {
        image: make.image(architecture) if data is None else data,
        f"boot/config-{RELEASE}": CONFIG,
        DIRECTORY + "modules.builtin": make.BUILTIN.encode(),
        **module("kernel/a.ko", architecture=architecture),
    }


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
def test_debian_split_gives_the_whole_kernel(tmp_path: pathlib.Path, architecture: str) -> None:
    packages = make.split(tmp_path, architecture)
    kernel = take(tmp_path, packages, architecture)
    assert kernel.release == RELEASE
    assert kernel.vmlinuz == make.image(architecture)
    assert kernel.config == CONFIG
    assert kernel.builtin == make.BUILTIN
    assert {*make.MODULES, "modules.builtin", "modules.builtin.modinfo", "modules.dep", "modules.order"} <= names(
        kernel
    )
    assert not kernel.notes
    assert take(tmp_path, packages[::-1], architecture).order == kernel.order


def test_ubuntu_split_gives_the_whole_kernel(tmp_path: pathlib.Path) -> None:
    whole = files()
    image = {f"boot/vmlinuz-{RELEASE}": whole.pop(f"boot/vmlinuz-{RELEASE}")}
    packages = [
        make.package_of(tmp_path / f"linux-modules-{RELEASE}.deb", whole),
        make.package_of(tmp_path / f"linux-modules-extra-{RELEASE}.deb", module("kernel/b.ko", "depends=a")),
        make.package_of(tmp_path / f"linux-image-{RELEASE}.deb", image),
    ]
    kernel = take(tmp_path, packages)
    assert kernel.config == CONFIG
    assert {"kernel/a.ko", "kernel/b.ko"} <= names(kernel)


@pytest.mark.parametrize("missing", ["base", "binary", "modules"])
def test_missing_package_of_a_split_is_named(tmp_path: pathlib.Path, missing: str) -> None:
    packages = [path for path in make.split(tmp_path) if f"linux-{missing}-" not in path]
    reason = {
        "base": "has no file modules.builtin of kernel",
        "binary": "has 0 kernels, not one",
        "modules": "has none of the 5 modules that modules.order names",
    }[missing]
    with pytest.raises(extract.KernelError, match=f"{reason}.*: pass every package .* linux-{missing}-RELEASE"):
        take(tmp_path, packages)


@pytest.mark.parametrize(
    "path",
    [
        *("boot/vmlinuz", "boot/bzImage", f"boot/bzImage-{RELEASE}", "boot/vmlinuz-generic", "boot/vmlinuz-6"),
        *(f"{directory}/{RELEASE}/vmlinuz" for directory in ("lib/modules", "usr/lib/modules")),
    ],
)
def test_image_is_found_in_every_usual_place(tmp_path: pathlib.Path, path: str) -> None:
    package = make.package_of(tmp_path / "k.deb", files(image=path))
    assert take(tmp_path, [package]).release == RELEASE


@pytest.mark.parametrize(
    "path", [f"boot/Image-{RELEASE}", f"boot/vmlinux-{RELEASE}", f"{DIRECTORY}Image", "boot/Image"]
)
def test_aarch64_image_of_another_name_is_found(tmp_path: pathlib.Path, path: str) -> None:
    package = make.package_of(tmp_path / "k.deb", files("aarch64", path), "aarch64")
    assert take(tmp_path, [package], "aarch64").vmlinuz == make.image("aarch64")


@pytest.mark.parametrize("path", [f"boot/Image-{RELEASE}.xz", f"boot/Image.xz-{RELEASE}", f"{DIRECTORY}Image.xz"])
def test_packed_image_is_unpacked_where_qemu_does_not(tmp_path: pathlib.Path, path: str) -> None:
    for pack in (lzma.compress, zstandard.compress):
        whole = files("aarch64", path, data=pack(make.image("aarch64")))
        package = make.package_of(tmp_path / "k.deb", whole, "aarch64")
        assert take(tmp_path, [package], "aarch64").vmlinuz == make.image("aarch64")
    packed = gzip.compress(make.image("aarch64"))
    package = make.package_of(tmp_path / "k.deb", files("aarch64", path, data=packed), "aarch64")
    assert take(tmp_path, [package], "aarch64").vmlinuz == packed


@pytest.mark.parametrize(
    "path",
    [
        *(f"{directory}/{RELEASE}/config" for directory in ("lib/modules", "usr/lib/modules")),
        *("boot/config", DIRECTORY + "build/.config", f"usr/lib/kernel/config-{RELEASE}"),
        f"usr/src/linux-headers-{RELEASE}/.config",
    ],
)
def test_configuration_is_found_in_a_separate_package(tmp_path: pathlib.Path, path: str) -> None:
    whole = files()
    del whole[f"boot/config-{RELEASE}"]
    other = make.package_of(tmp_path / "other.deb", {path: b"CONFIG_Y=y\n"})
    assert take(tmp_path, [make.package_of(tmp_path / "k.deb", whole), other]).config == b"CONFIG_Y=y\n"


def test_configuration_is_read_from_the_image(tmp_path: pathlib.Path) -> None:
    inside = make.vmlinux() + b"IKCFG_ST" + gzip.compress(CONFIG) + b"IKCFG_ED"
    whole = files(data=make.bzimage(zstandard.compress(inside)))
    del whole[f"boot/config-{RELEASE}"]
    kernel = take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)])
    assert (kernel.config, list(kernel.notes)) == (CONFIG, [])


def test_missing_configuration_is_noted(tmp_path: pathlib.Path) -> None:
    whole = files()
    del whole[f"boot/config-{RELEASE}"]
    kernel = take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)])
    assert kernel.config == b"# The packages have no configuration of this kernel.\n"
    assert f"k.deb: no configuration of kernel {RELEASE}, such as boot/config-{RELEASE}" in kernel.notes[0]


def test_missing_modules_order_is_empty(tmp_path: pathlib.Path) -> None:
    kernel = take(tmp_path, [make.package_of(tmp_path / "k.deb", files())])
    assert kernel.order == ""
    assert DEP in {entry.path for entry in kernel.modules}


def test_image_for_debuggers_is_ignored(tmp_path: pathlib.Path) -> None:
    whole = files() | {f"boot/vmlinux-{RELEASE}": b"debug", f"boot/vmlinuz-{RELEASE}.hmac": b"hmac"}
    whole |= {DIRECTORY + "vmlinuz": make.image("x86_64")}
    assert take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)]).vmlinuz == make.image("x86_64")


def test_uncompressed_x86_64_kernel_is_accepted(tmp_path: pathlib.Path) -> None:
    whole = files(image=f"boot/vmlinux-{RELEASE}", data=make.vmlinux())
    kernel = take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)])
    assert payload.vmlinux(kernel.vmlinuz, RELEASE, "k") == make.vmlinux()


def test_aarch64_elf_file_is_rejected_with_a_remedy(tmp_path: pathlib.Path) -> None:
    whole = files("aarch64", f"boot/vmlinux-{RELEASE}", data=make.vmlinux(architecture="aarch64"))
    with pytest.raises(errors.InputError, match=r"vmlinux.*: is an ELF file, .*: pass the package .* Image or vmlinuz"):
        take(tmp_path, [make.package_of(tmp_path / "k.deb", whole, "aarch64")], "aarch64")


def test_two_images_in_one_package_are_rejected(tmp_path: pathlib.Path) -> None:
    whole = files() | {"boot/vmlinuz-6.1": make.image("x86_64", "6.1")}
    with pytest.raises(extract.KernelError, match=f"has 2 kernels, not one: boot/vmlinuz-{RELEASE} .*remove all"):
        take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)])


def test_path_in_two_packages_is_rejected(tmp_path: pathlib.Path) -> None:
    packages = [
        make.package_of(tmp_path / "k.deb", files()),
        make.package_of(tmp_path / "m.deb", module("kernel/a.ko")),
    ]
    with pytest.raises(extract.KernelError, match=r"m\.deb: lib/modules/.*/a\.ko: is in .*k\.deb, too: remove one"):
        take(tmp_path, packages)


def test_packages_of_other_architectures_without_a_kernel_are_ignored(tmp_path: pathlib.Path) -> None:
    other = make.package_of(tmp_path / "o.deb", {"usr/share/doc/x": b""}, "aarch64")
    modules = make.package_of(tmp_path / "m.deb", module("kernel/b.ko"), "aarch64")
    package = make.package_of(tmp_path / "k.deb", files())
    assert take(tmp_path, [package, other]).release == RELEASE
    with pytest.raises(extract.KernelError, match=r"m\.deb: is of architecture arm64, not amd64"):
        take(tmp_path, [package, modules])


def test_hard_links_are_resolved(tmp_path: pathlib.Path) -> None:
    whole = files()
    members = [deb_testing.member("./" + path, data) for path, data in whole.items()]
    members.append(deb_testing.hardlink(f"./{DIRECTORY}extra/b-alias.ko", f"./{DIRECTORY}kernel/b.ko"))
    members.insert(0, deb_testing.member(f"./{DIRECTORY}kernel/b.ko", make.module("b.ko", "", "x86_64")))
    package = deb_testing.deb(tmp_path / "k.deb", members, architecture="amd64")
    assert {"kernel/b.ko", "extra/b-alias.ko"} <= names(take(tmp_path, [package]))


def test_modules_in_updates_hide_those_of_the_kernel(tmp_path: pathlib.Path) -> None:
    whole = files() | module("updates/dkms/a.ko") | module("extra/a.ko.xz") | module("weak-updates/a.ko.gz")
    kernel = take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)])
    entry = kernel.modules.get(DEP)
    assert entry and entry.content
    assert entry.content.open().read() == b"updates/dkms/a.ko:\n"


@pytest.mark.parametrize(
    "path", [DIRECTORY + "vmlinuz-virt.efi", f"boot/kernel.efi-{RELEASE}", "boot/efi/EFI/Linux/linux.efi"]
)
def test_unified_kernel_image_is_unpacked_and_its_other_parts_noted(tmp_path: pathlib.Path, path: str) -> None:
    image = make.unified({".osrel": b"x", ".linux": make.image("x86_64"), ".initrd": b"0707", ".cmdline": b"quiet"})
    kernel = take(tmp_path, [make.package_of(tmp_path / "k.deb", files(image=path, data=image))])
    assert kernel.vmlinuz == make.image("x86_64")
    assert [note.partition(path.removeprefix("usr/"))[2] for note in kernel.notes] == [
        ": .initrd (4 bytes) of the unified kernel image is excluded",
        ": .cmdline (5 bytes) of the unified kernel image is excluded",
    ]


def test_image_of_another_release_than_the_modules_is_rejected(tmp_path: pathlib.Path) -> None:
    whole = files(image="boot/vmlinuz", data=make.image("x86_64", "6.1"))
    with pytest.raises(errors.InputError, match=rf"is of release b'6\.1', not {RELEASE}"):
        take(tmp_path, [make.package_of(tmp_path / "k.deb", whole)])
