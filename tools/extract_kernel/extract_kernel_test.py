"""Test of kernel extraction."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pathlib
import struct
import tarfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import lz4.frame
import pytest
import zstandard
from hypothesis import strategies

from tools.cli import cli_testing, errors
from tools.elfcheck import elf_testing
from tools.extract_kernel import decompression, depmod, extract, extract_kernel_main, image, modinfo
from tools.extract_kernel import kernel_testing as make
from tools.extract_kernel.kernel_testing import RELEASE
from tools.fsspec import content
from tools.packages import apk_testing, deb_testing

hypothesis.settings.register_profile("formats", deadline=None, max_examples=60, database=None, derandomize=True)
hypothesis.settings.load_profile("formats")

OUTPUTS = ("vmlinuz", "release", "config", "builtin", "order", "modules")
SHIPPED = f"usr/lib/modules/{RELEASE}/"


def run(directory: pathlib.Path, packages: Sequence[str], architecture: str = "x86_64") -> None:
    outputs = {name: str(directory / name) for name in OUTPUTS}
    cli_testing.call(extract_kernel_main.main, package=packages, architecture=architecture, **outputs)


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
def test_outputs_describe_the_kernel(tmp_path: pathlib.Path, architecture: str) -> None:
    package = make.package(tmp_path / "k.deb", architecture)
    meta = deb_testing.deb(tmp_path / "m.deb", name="linux-image-cloud", architecture=make.DEBIAN[architecture])
    other = deb_testing.deb(tmp_path / "o.deb", name="kmod", architecture="all")
    run(tmp_path, [meta, package, other], architecture)
    assert (tmp_path / "vmlinuz").read_bytes() == make.image(architecture)
    assert (tmp_path / "release").read_text() == RELEASE + "\n"
    assert (tmp_path / "config").read_text() == "CONFIG_X=y\n"
    assert (tmp_path / "builtin").read_text() == make.BUILTIN
    with tarfile.open(tmp_path / "modules") as tar:
        names = [member.name for member in tar if member.isfile()]
        stream = tar.extractfile(f"lib/modules/{RELEASE}/modules.dep")
        text = stream.read().decode() if stream else ""
    expected = {"modules.alias", "modules.builtin", "modules.builtin.modinfo", "modules.dep"}
    expected |= {"modules.order", "modules.softdep", *make.MODULES}
    assert {name.removeprefix(f"lib/modules/{RELEASE}/") for name in names} == expected
    # In the order of modules.order; dependencies follow a module, the one to load first comes last.
    assert text == (
        "kernel/crypto/x.ko.xz:\n"
        "kernel/fs/d.ko.xz: kernel/lib/a.ko.xz\n"
        "kernel/net/c.ko.xz: kernel/lib/b-dash.ko.xz kernel/lib/a.ko.xz\n"
        "kernel/lib/b-dash.ko.xz: kernel/lib/a.ko.xz\n"
        "kernel/lib/a.ko.xz:\n"
    )
    assert not list(tmp_path.glob("tmp*"))


def test_soft_dependencies_and_aliases_are_written(tmp_path: pathlib.Path) -> None:
    kernel = extract.extract([make.package(tmp_path / "k.deb")], "x86_64", str(tmp_path / "data.tar"))
    directory = f"lib/modules/{RELEASE}/"

    def text(name: str) -> str:
        entry = kernel.modules.get(directory + name)
        assert entry and entry.content
        return content.read(entry.content).decode()

    assert text("modules.softdep").endswith("\nsoftdep d pre: crypto-x\n")
    assert text("modules.alias").endswith("\nalias crypto-x x\nalias fs-d d\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"image_of": "aarch64"}, f"vmlinuz-{RELEASE}: is a kernel image of aarch64, not one of x86_64"),
        ({"module_of": "aarch64"}, "is of machine EM_AARCH64, not EM_X86_64"),
        ({"module_release": "5.10.0"}, "is built for kernel '5.10.0', not 6.12.1-test"),
        ({"modules": {"kernel/a.ko": "depends=gone"}}, "needs module gone, which is neither"),
        (
            {"modules": {"kernel/a.ko": "depends=b", "kernel/b.ko": "depends=a"}},
            "b needs a needs b",
        ),
        ({"modules": {"kernel/a.ko": "", "kernel/z/a.ko.xz": ""}}, "has two modules a"),
        ({"modules": {"kernel/a.ko": "nonsense"}}, "malformed description b'nonsense'"),
        ({"modules": {"kernel/a.ko": "softdep=pre: b\nx"}}, "control characters in its softdep: 'pre: b\\nx'"),
        ({"modules": {"kernel/a.ko": "alias=x\ny"}}, "control characters in its alias"),
        ({"modules": {"kernel/a b.ko": ""}}, "has a module 'kernel/a b.ko'"),
        ({"modules": {"kernel/a:.ko": ""}}, "has a module 'kernel/a:.ko'"),
        ({"without": SHIPPED + "modules.builtin"}, "has no file modules.builtin"),
        ({"without": f"boot/vmlinuz-{RELEASE}"}, "has 0 kernels, not one: none"),
    ],
)
def test_malformed_package_is_rejected(tmp_path: pathlib.Path, arguments: dict[str, Any], reason: str) -> None:
    package = make.package(tmp_path / "k.deb", **arguments)
    with pytest.raises(errors.InputError) as caught:
        run(tmp_path, [package])
    assert reason in str(caught.value)
    assert "k.deb" in str(caught.value)
    assert not (tmp_path / "vmlinuz").exists()


def test_package_of_another_architecture_is_rejected(tmp_path: pathlib.Path) -> None:
    package = make.package(tmp_path / "k.deb", "aarch64")
    with pytest.raises(extract.KernelError, match=r"arm64, not amd64 \(x86_64\)"):
        run(tmp_path, [package])


def test_two_kernels_are_rejected(tmp_path: pathlib.Path) -> None:
    packages = [make.package(tmp_path / "1.deb"), make.package(tmp_path / "2.deb")]
    with pytest.raises(extract.KernelError, match="has 2 kernels"):
        run(tmp_path, packages)


@pytest.mark.parametrize(
    ("architecture", "arguments"),
    [
        ("aarch64", {}),
        ("x86_64", {}),
        ("x86_64", {"directory": "usr/lib/modules"}),
        ("x86_64", {"without": "usr/share/kernel/virt/kernel.release"}),
        ("x86_64", {"config": "boot/config-virt"}),
    ],
)
def test_alpine_package_is_read(tmp_path: pathlib.Path, architecture: str, arguments: dict[str, Any]) -> None:
    other = apk_testing.apk(tmp_path / "o.apk", name="mkinitfs", architecture="noarch")
    run(tmp_path, [other, make.alpine(tmp_path / "k.apk", architecture, **arguments)], architecture)
    assert (tmp_path / "release").read_text() == RELEASE + "\n"
    assert (tmp_path / "config").read_text() == "CONFIG_X=y\n"
    assert (tmp_path / "builtin").read_text() == make.BUILTIN
    packed = (tmp_path / "vmlinuz").read_bytes()
    assert (gzip.decompress(packed) if architecture == "aarch64" else packed) == make.image(architecture)
    with tarfile.open(tmp_path / "modules") as tar:
        stream = tar.extractfile(f"lib/modules/{RELEASE}/modules.dep")
        text = stream.read().decode() if stream else ""
        assert f"lib/modules/{RELEASE}/kernel/lib/a.ko.gz" in tar.getnames()
    # The tool ignores the package's own file.
    assert "nonsense" not in text
    assert "kernel/net/c.ko.gz: kernel/lib/b-dash.ko.gz kernel/lib/a.ko.gz\n" in text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"package_of": "aarch64"}, "is of architecture aarch64, not x86_64"),
        ({"package_of": "noarch"}, "is of architecture noarch, not x86_64"),
        ({"image_of": "aarch64"}, "vmlinuz-virt: is a kernel image of aarch64, not one of x86_64"),
        ({"module_of": "aarch64"}, "is of machine EM_AARCH64, not EM_X86_64"),
        ({"note": "../../etc"}, "has an invalid release '../../etc'"),
        ({"note": "6.1\n"}, "not 6.1"),
        ({"without": "boot/vmlinuz-virt"}, "has 0 kernels, not one: none"),
        ({"without": f"lib/modules/{RELEASE}/modules.builtin"}, "has no file modules.builtin of kernel 6.12.1-test"),
    ],
)
def test_malformed_alpine_package_is_rejected(tmp_path: pathlib.Path, arguments: dict[str, Any], reason: str) -> None:
    package = make.alpine(tmp_path / "k.apk", **arguments)
    with pytest.raises(errors.InputError) as caught:
        run(tmp_path, [package])
    assert reason in str(caught.value)
    assert "k.apk" in str(caught.value)
    assert not (tmp_path / "vmlinuz").exists()


def test_kernels_of_two_distributions_are_rejected(tmp_path: pathlib.Path) -> None:
    packages = [make.package(tmp_path / "1.deb"), make.alpine(tmp_path / "2.apk")]
    with pytest.raises(extract.KernelError, match="has 2 kernels"):
        run(tmp_path, packages)


def changed(offset: int, form: str, value: int) -> bytes:
    data = bytearray(make.image("x86_64"))
    struct.pack_into(form, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a kernel image"),
        (make.image("x86_64")[:0x220], "damaged bzImage"),
        (make.image("x86_64")[:-1], "is truncated"),
        (changed(0x1FE, "<H", 0), "damaged bzImage"),
        (changed(0x206, "<H", 0x206), "boot protocol 2.06"),
        (changed(0x236, "<H", 0), "32-bit kernel"),
        (make.image("x86_64", "6.1"), "is of release b'6.1', not 6.12.1-test"),
    ],
)
def test_bad_x86_64_image_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(image.ImageError) as caught:
        image.check(data, "x86_64", RELEASE, "vmlinuz")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make.image("aarch64")[:60], "big-endian"),
        (make.image("aarch64", "6.1"), "no banner of release 6.12.1-test"),
        (b"MZ\0\0zimg" + bytes(100), "not a kernel image"),
        (gzip.compress(b"Image"), "not a kernel image"),
    ],
)
def test_bad_aarch64_image_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(image.ImageError) as caught:
        image.check(data, "aarch64", RELEASE, "vmlinuz")
    assert reason in str(caught.value)


def gzip_(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=31)
    return stream.compress(data) + stream.flush()


def lz4_(data: bytes) -> bytes:
    # lz4 does not declare its types.
    return bytes(lz4.frame.compress(data))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".ko", bytes),
        (".ko.bz2", bz2.compress),
        (".ko.gz", gzip_),
        (".ko.lz4", lz4_),
        (".ko.xz", lzma.compress),
        (".ko.zst", zstandard.compress),
    ],
)
def test_every_module_compression_is_read(
    suffix: str, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"module" * 1000
    assert modinfo.decompress(pack(data), "m" + suffix) == data
    if suffix == ".ko":
        return
    for broken in (b"junk", pack(data)[:-1], b""):
        with pytest.raises(decompression.CompressionError, match="cannot be decompressed"):
            modinfo.decompress(broken, "m" + suffix)
    monkeypatch.setattr(modinfo, "UNPACKED_MAX", 5000)
    with pytest.raises(decompression.CompressionError, match="more than 5000 bytes"):
        modinfo.decompress(pack(data), "m" + suffix)


def test_module_is_unpacked_by_its_magic_number() -> None:
    data = elf_testing.module("x86_64", b"")
    assert modinfo.decompress(data, "m.ko.xz") == data
    assert modinfo.decompress(gzip_(data), "m.ko.xz") == data


def description(*items: bytes) -> bytes:
    return elf_testing.module("x86_64", b"".join(item + b"\0" for item in (*items, b"vermagic=6.1 SMP")))


def test_module_with_descriptions_that_are_not_utf8_is_accepted() -> None:
    data = description(b"author=J\xfcrgen", b"parm=\xff:a \xb5s", b"alias=a-\xc3\xbc")
    assert modinfo.read(data, "x86_64", "6.1", "m.ko").aliases == ("a-\u00fc",)
    with pytest.raises(modinfo.ModuleError, match=r"malformed description b'alias=\\xff'"):
        modinfo.read(description(b"alias=\xff"), "x86_64", "6.1", "m.ko")


def test_firmware_and_weak_dependencies_are_read() -> None:
    info = modinfo.read(description(b"firmware=a/b.bin", b"weakdep=b c", b"firmware=c"), "x86_64", "6.1", "m.ko")
    assert info.firmware == ("a/b.bin", "c")
    assert info.weakdeps == ("b c",)


@hypothesis.given(strategies.binary(max_size=200))
def test_any_description_is_read_or_rejected(section: bytes) -> None:
    try:
        pairs = modinfo.parse(section, "m.ko")
    except modinfo.ModuleError:
        return
    assert len(pairs) == len([item for item in section.split(b"\0") if item])


def test_module_names_are_normalised() -> None:
    assert modinfo.module_name("kernel/md/dm-verity.ko.xz") == "dm_verity"
    assert modinfo.module_name("virtio-rng") == "virtio_rng"


def chain(length: int) -> dict[str, modinfo.ModInfo]:
    """Return modules in a chain of dependencies."""
    return {
        f"m{number}.ko": modinfo.ModInfo(f"m{number}", RELEASE, (f"m{number + 1}",) if number < length else (), (), ())
        for number in range(length + 1)
    }


def test_long_chains_are_solved() -> None:
    text = depmod.index(chain(200), "", "", "k")["modules.dep"]
    assert text.split("\n")[0] == "m0.ko: " + " ".join(f"m{number}.ko" for number in range(1, 201))


def test_too_long_chain_is_rejected() -> None:
    with pytest.raises(depmod.DependencyError, match="a chain of more than 300 modules"):
        depmod.index(chain(5000), "", "", "k")
