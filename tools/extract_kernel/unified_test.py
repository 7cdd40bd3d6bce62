"""Test of unified kernel images."""

from __future__ import annotations

import struct

import hypothesis
import pytest
import zstandard
from hypothesis import strategies

from tools.cli import errors
from tools.extract_kernel import kernel_testing as make
from tools.extract_kernel import payload, unified

hypothesis.settings.register_profile("formats", deadline=None, max_examples=200, database=None, derandomize=True)
hypothesis.settings.load_profile("formats")

IMAGE = make.image("aarch64")
NAMES = strategies.sampled_from([".text", ".osrel", ".initrd", ".cmdline", ".uname"])


@hypothesis.given(strategies.dictionaries(NAMES, strategies.binary(max_size=1000)), strategies.binary(min_size=1))
def test_kernel_of_any_sections_is_found(sections: dict[str, bytes], kernel: bytes) -> None:
    image = make.unified(sections | {".linux": kernel})
    assert unified.kernel(image, "k") == kernel
    kept = [name for name in sections if name in (".initrd", ".cmdline")]
    assert unified.beside(image) == [f"{name} ({len(sections[name]) or 0} bytes)" for name in kept]


@hypothesis.given(strategies.data())
def test_damaged_image_is_rejected_or_another_file(data: strategies.DataObject) -> None:
    image = bytearray(make.unified({".linux": IMAGE, ".initrd": b"x"}))
    for _ in range(data.draw(strategies.integers(1, 4))):
        image[data.draw(strategies.integers(0, 0x40 + 24 + 16 + 80))] = data.draw(strategies.integers(0, 255))
    end = data.draw(strategies.integers(0, len(image)))
    unified.beside(bytes(image[:end]))
    try:
        payload.unwrap(bytes(image[:end]), "k")
    except errors.InputError:
        return


@pytest.mark.parametrize("data", [IMAGE, make.image("x86_64"), make.unified({".initrd": b"x"}), b"MZ", b""])
def test_other_files_are_not_unified_images(data: bytes) -> None:
    assert unified.kernel(data, "k") is None
    assert unified.beside(data) == []


def test_truncated_image_is_rejected() -> None:
    with pytest.raises(errors.InputError, match="k: is a truncated unified kernel image"):
        unified.kernel(make.unified({".linux": IMAGE})[:200], "k")


def test_several_kernels_are_rejected() -> None:
    image = make.unified({".linux": IMAGE, ".linu_": IMAGE}).replace(b".linu_", b".linux")
    with pytest.raises(errors.InputError, match="k: is a unified kernel image with 2 kernels, not one"):
        unified.kernel(image, "k")


def test_packed_kernel_in_a_unified_image_is_unpacked() -> None:
    assert payload.unwrap(make.unified({".linux": make.zboot(zstandard.compress(IMAGE))}), "k") == IMAGE


def test_too_deeply_wrapped_image_is_rejected() -> None:
    data = IMAGE
    for _ in range(5):
        data = make.unified({".linux": data})
    with pytest.raises(errors.InputError, match="k: is wrapped more than 4 times"):
        payload.unwrap(data, "k")


def test_section_table_is_bounded_by_the_file() -> None:
    image = bytearray(make.unified({".linux": IMAGE}))
    struct.pack_into("<H", image, 0x40 + 6, 0xFFFF)
    assert unified.kernel(bytes(image), "k") == IMAGE
