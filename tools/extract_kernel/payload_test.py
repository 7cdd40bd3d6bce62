"""Test of the contents of bootable images."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pathlib
import struct
from collections.abc import Callable

import hypothesis
import lz4.block
import pytest
import zstandard
from hypothesis import strategies

from tools.cli import cli_testing, errors
from tools.extract_kernel import extract_vmlinux_main, payload
from tools.extract_kernel import kernel_testing as make
from tools.extract_kernel.kernel_testing import RELEASE


def lz4_legacy(data: bytes) -> bytes:
    """Pack like `lz4 -l`, in two blocks."""
    half = len(data) // 2
    parts = (data[:half], data[half:])
    # lz4 does not declare its types.
    blocks: list[bytes] = [
        lz4.block.compress(part, store_size=False)  # pyright: ignore[reportUnknownMemberType]
        for part in parts
    ]
    return b"\x02\x21\x4c\x18" + b"".join(struct.pack("<I", len(block)) + block for block in blocks)


def lzma_alone(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_ALONE)


def xz_x86(data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}]
    return lzma.compress(data, check=lzma.CHECK_CRC32, filters=filters)


PACKERS = [bz2.compress, gzip.compress, lz4_legacy, lzma_alone, xz_x86, zstandard.compress]


SHIPPED = {
    "bzImage": ("x86_64", make.bzimage(gzip.compress(make.vmlinux()))),
    "vmlinux": ("x86_64", make.vmlinux()),
    "Image": ("aarch64", make.image("aarch64")),
    "zboot": ("aarch64", make.zboot(zstandard.compress(make.image("aarch64")))),
    "unified": ("aarch64", make.unified({".linux": make.image("aarch64")})),
}


def sized(data: bytes) -> bytes:
    """Append the size, as the kernel's build does for all compressions but gzip."""
    return data + struct.pack("<I", 4096)


def vmlinux(payload_: bytes) -> bytes:
    return payload.vmlinux(make.bzimage(payload_), RELEASE, "vmlinuz")


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("tail", [bytes, sized])
def test_vmlinux_is_unpacked_from_every_compression(
    pack: Callable[[bytes], bytes], tail: Callable[[bytes], bytes]
) -> None:
    whole = make.vmlinux()
    assert vmlinux(tail(pack(whole))) == whole


def test_uncompressed_payload_is_unchanged() -> None:
    assert vmlinux(make.vmlinux()) == make.vmlinux()


def test_uncompressed_kernel_is_unchanged(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(make.vmlinux())
    assert extracted(tmp_path, "x86_64") == make.vmlinux()


def test_bootable_form_stays_packed_only_for_aarch64() -> None:
    data = make.image("aarch64")
    for shipped in (gzip.compress(data), zboot(data)):
        assert payload.bootable(shipped, data, "aarch64") == shipped
        assert payload.bootable(shipped, data, "x86_64") == data
    for shipped in (zstandard.compress(data), make.zboot(lzma.compress(data)).replace(b"gzip", b"xz\0\0"), data):
        assert payload.bootable(shipped, data, "aarch64") == data


def test_false_markers_of_a_configuration_are_ignored() -> None:
    for data in (b"", b"IKCFG_ST", b"IKCFG_STIKCFG_ED", b"IKCFG_EDIKCFG_ST", make.image("x86_64")):
        assert payload.embedded_config(data, "k") is None


@hypothesis.settings(deadline=None, max_examples=100, database=None, derandomize=True)
@hypothesis.given(strategies.sampled_from([*SHIPPED]), strategies.data())
def test_damaged_image_raises_only_known_errors(name: str, data: strategies.DataObject) -> None:
    architecture, shipped = SHIPPED[name]
    image = bytearray(shipped)
    for _ in range(data.draw(strategies.integers(1, 6))):
        image[data.draw(strategies.integers(0, len(image) - 1))] = data.draw(strategies.integers(0, 255))
    end = data.draw(strategies.just(len(image)) | strategies.integers(0, len(image)))
    try:
        unwrapped = payload.unwrap(bytes(image[:end]), "k")
        payload.check(unwrapped, architecture, RELEASE, "k")
        payload.embedded_config(unwrapped, "k")
        if architecture == "x86_64":
            payload.vmlinux(unwrapped, RELEASE, "k")
    except errors.InputError:
        return


def test_relocations_behind_the_kernel_are_cut_off() -> None:
    whole = make.vmlinux()
    assert vmlinux(gzip.compress(whole + bytes(1000))) == whole


@pytest.mark.parametrize("pack", PACKERS)
def test_damaged_payload_is_rejected(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(make.vmlinux())
    for broken in (packed[: len(packed) // 2], packed[:10], packed[:20] + b"\xff" * (len(packed) - 20)):
        with pytest.raises(errors.InputError, match="vmlinuz"):
            vmlinux(broken)


@pytest.mark.parametrize("pack", PACKERS)
def test_bombs_are_rejected(pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "UNPACKED_MAX", 2**20)
    with pytest.raises(errors.InputError, match="more than 1048576 bytes"):
        vmlinux(pack(bytes(2**24)))


@pytest.mark.parametrize(
    ("payload_", "reason"),
    [
        (b"", "lies outside of the file"),
        (b"nonsense" + bytes(100), "unknown compression in it, which begins with 6e6f6e73656e"),
        (b"\x89LZO\0\r\n\x1a\n" + bytes(100), "vmlinuz: is compressed by lzo, which is not supported"),
        (gzip.compress(b"no kernel"), "vmlinuz: vmlinux: is not an ELF file"),
        (gzip.compress(make.vmlinux(architecture="aarch64")), "EM_AARCH64, not EM_X86_64"),
        (gzip.compress(make.vmlinux(None)), "no PVH entry point"),
        (gzip.compress(make.vmlinux(0x10)), "entry point 0x10 outside of the loaded segments"),
        (gzip.compress(make.vmlinux(release="6.1")), f"no banner of release {RELEASE}"),
        (gzip.compress(make.vmlinux()[:-10]), "section headers lie outside"),
    ],
)
def test_bad_payload_is_rejected(payload_: bytes, reason: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        vmlinux(payload_)
    assert reason in str(caught.value)


def test_payload_longer_than_the_file_is_rejected() -> None:
    data = bytearray(make.bzimage(gzip.compress(make.vmlinux())))
    for offset, length in ((64, 2**31), (2**32 - 1, 1)):
        struct.pack_into("<II", data, 0x248, offset, length)
        with pytest.raises(errors.InputError, match="outside of the file"):
            payload.vmlinux(bytes(data), RELEASE, "vmlinuz")


def zboot(data: bytes) -> bytes:
    return make.zboot(gzip.compress(data))


def unified(data: bytes) -> bytes:
    return make.unified({".linux": data})


@pytest.mark.parametrize("wrap", [bytes, *PACKERS, unified, zboot])
def test_wrapped_aarch64_image_is_unwrapped(tmp_path: pathlib.Path, wrap: Callable[[bytes], bytes]) -> None:
    (tmp_path / "vmlinuz").write_bytes(wrap(make.image("aarch64")))
    assert extracted(tmp_path, "aarch64") == make.image("aarch64")


@pytest.mark.parametrize("broken", [make.zboot(b""), make.zboot(b"junk"), b"MZ\0\0zimg\xff\xff", b"\x1f\x8bjunk"])
def test_broken_aarch64_image_is_rejected(tmp_path: pathlib.Path, broken: bytes) -> None:
    (tmp_path / "vmlinuz").write_bytes(broken)
    with pytest.raises(errors.InputError, match="vmlinuz: "):
        extracted(tmp_path, "aarch64")


def extracted(directory: pathlib.Path, architecture: str) -> bytes:
    (directory / "release").write_text(RELEASE + "\n")
    files = {name: str(directory / name) for name in ("vmlinuz", "release", "output")}
    cli_testing.call(extract_vmlinux_main.main, architecture=architecture, **files)
    return (directory / "output").read_bytes()


def test_program_writes_vmlinux(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(make.bzimage(gzip.compress(make.vmlinux())))
    assert extracted(tmp_path, "x86_64") == make.vmlinux()


def test_program_rejects_another_architecture(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(make.image("aarch64"))
    with pytest.raises(errors.InputError, match="is a kernel image of aarch64, not one of x86_64"):
        extracted(tmp_path, "x86_64")
