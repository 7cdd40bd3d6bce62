"""Test of decompression."""

# lz4 declares no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable

import hypothesis
import lz4.block
import lz4.frame
import pytest
import zstandard
from hypothesis import strategies

from tools.extract_kernel import decompression
from tools.extract_kernel.decompression import CompressionError

hypothesis.settings.register_profile("formats", deadline=None, max_examples=60, database=None, derandomize=True)
hypothesis.settings.load_profile("formats")

LIMIT = 2**20


def lz4_legacy(data: bytes) -> bytes:
    block: bytes = lz4.block.compress(data, store_size=False)
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block


def lz4_frame(data: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(data)
    return packed


def lzma_alone(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_ALONE)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "bzip2": bz2.compress,
    "gzip": gzip.compress,
    "lz4": lz4_frame,
    "lz4_legacy": lz4_legacy,
    "lzma": lzma_alone,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}
FRAMES = ("lz4", "lz4_legacy", "zstd")
NAMES = strategies.sampled_from(sorted(PACKERS))
PARTS = strategies.lists(strategies.binary(max_size=200), min_size=1, max_size=5)


def skippable(content: bytes, number: int = 3) -> bytes:
    return struct.pack("<II", 0x184D2A50 + number, len(content)) + content


@hypothesis.given(NAMES, PARTS)
def test_file_of_several_streams_is_read_to_its_end(name: str, parts: list[bytes]) -> None:
    packed = b"".join(map(PACKERS[name], parts))
    assert decompression.of(packed) == name
    assert decompression.decompress_file(packed, name, LIMIT, "f") == b"".join(parts)


@hypothesis.given(strategies.sampled_from(FRAMES), PARTS, strategies.binary(max_size=40), strategies.integers(0, 15))
def test_frames_without_content_are_skipped(name: str, parts: list[bytes], content: bytes, number: int) -> None:
    skipped = skippable(content, number)
    packed = skipped + skipped.join(map(PACKERS[name], parts)) + skipped
    assert decompression.decompress_file(packed, name, LIMIT, "f") == b"".join(parts)


@pytest.mark.parametrize("name", ["gzip", "xz"])
def test_padding_of_zeros_is_skipped(name: str) -> None:
    packed = PACKERS[name](b"module") + bytes(512)
    assert decompression.decompress_file(packed, name, LIMIT, "f") == b"module"


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_other_bytes_behind_the_end_are_rejected(name: str) -> None:
    other = "gzip" if name == "xz" else "xz"
    # The legacy frame of lz4 has no end: the decompressor reads the following bytes as a block.
    reason = "" if name == "lz4_legacy" else f"bytes follow its end that are not {name}"
    with pytest.raises(CompressionError, match=f"cannot be decompressed: .*{reason}"):
        decompression.decompress_file(PACKERS[name](b"module") + PACKERS[other](b"x"), name, LIMIT, "f")


@hypothesis.given(NAMES, strategies.binary(max_size=300), strategies.data())
def test_damaged_file_raises_only_compression_errors(name: str, content: bytes, data: strategies.DataObject) -> None:
    packed = bytearray(PACKERS[name](content))
    for _ in range(data.draw(strategies.integers(1, 4))):
        packed[data.draw(strategies.integers(0, len(packed) - 1))] = data.draw(strategies.integers(0, 255))
    end = data.draw(strategies.integers(0, len(packed)))
    try:
        unpacked = decompression.decompress_file(bytes(packed[:end]), name, LIMIT, "f")
    except CompressionError:
        return
    assert len(unpacked) <= LIMIT


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_limit_applies_to_the_sum_of_streams(name: str) -> None:
    packed = PACKERS[name](bytes(LIMIT - 10)) + PACKERS[name](bytes(11))
    with pytest.raises(CompressionError, match=f"has more than {LIMIT} bytes unpacked"):
        decompression.decompress_file(packed, name, LIMIT, "f")


def test_file_of_too_many_streams_is_rejected() -> None:
    with pytest.raises(CompressionError, match="more than 4096 compressed streams"):
        decompression.decompress_file(gzip.compress(b"") * 5000, "gzip", LIMIT, "f")


def test_lzo_is_rejected_with_a_remedy() -> None:
    with pytest.raises(CompressionError, match="compressed by lzo, which is not supported: compress it by zstd"):
        decompression.decompress_file(b"\x89LZO\0\r\n\x1a\n" + bytes(100), "lzo", LIMIT, "f")
