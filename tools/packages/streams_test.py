"""Test the limits of decompressors; the tests of package formats read whole streams."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import struct

import pytest
import zstandard

from tools.packages import streams


def test_reader_of_unknown_compression_is_none() -> None:
    assert streams.reader(io.BytesIO(b""), "lzo") is None


@pytest.mark.parametrize(
    ("suffix", "data", "error"),
    [
        # A dictionary of 2 GiB.
        ("lzma", b"\x5d" + struct.pack("<IQ", 2**31, 2**64 - 1) + bytes(20), lzma.LZMAError),
        # A window of 256 MiB.
        ("zst", b"\x28\xb5\x2f\xfd\x00" + bytes([18 << 3]) + b"\x01\x00\x00", zstandard.ZstdError),
    ],
)
def test_reader_of_stream_with_large_window_fails(suffix: str, data: bytes, error: type[Exception]) -> None:
    stream = streams.reader(io.BytesIO(data), suffix)
    assert stream
    with pytest.raises(error, match="[Mm]emory"):
        stream.read()


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_decompressor_returns_output_in_parts(suffix: str) -> None:
    data = random.Random(1).randbytes(2**20)
    packed = {"gz": gzip.compress, "zst": zstandard.compress}[suffix](data) + b"rest"
    stream = streams.DECOMPRESSORS[suffix]()
    unpacked = stream.decompress(packed, 1)
    assert 1 <= len(unpacked) < len(data) and not stream.needs_input
    while not stream.eof:
        unpacked += stream.decompress(b"", 1)
    assert unpacked == data
    assert stream.unused_data == b"rest"
