"""Test that the superblock is the same on every CPU."""

import pathlib
import struct
import uuid

import pytest

from tools.mkdisk import superblock

BLOCK = 4096
PER_GROUP = 2
GROUPS = 11
# The primary is at byte 1024 of group 0; group 1 and the powers of 3, 5 and 7 have copies.
OFFSETS = [1024] + [group * PER_GROUP * BLOCK for group in (1, 3, 5, 7, 9)]
INCOMPATIBLE, UUID, FLAGS, CHECKSUM = 0x60, 0x68, 0x160, 0x3FC
IDENTIFIER = uuid.UUID(int=7)


def filesystem(flags: int) -> bytearray:
    data = bytearray(PER_GROUP * GROUPS * BLOCK)
    for number, offset in enumerate(OFFSETS):
        struct.pack_into("<I", data, offset + 0x4, PER_GROUP * GROUPS)
        struct.pack_into("<I", data, offset + 0x18, 2)
        struct.pack_into("<I", data, offset + 0x20, PER_GROUP)
        struct.pack_into("<H", data, offset + 0x38, 0xEF53)
        struct.pack_into("<H", data, offset + 0x5A, number)
        struct.pack_into("<I", data, offset + INCOMPATIBLE, 0x2000)
        struct.pack_into("<I", data, offset + FLAGS, flags)
    return data


def normalised(path: pathlib.Path, data: bytes | bytearray) -> bytes:
    path.write_bytes(data)
    superblock.normalise(str(path), IDENTIFIER)
    return path.read_bytes()


def test_crc32c_matches_rfc3720():
    # RFC 3720, B.4 and the catalogue's check value; both are inverted at the end.
    assert superblock.crc32c(b"123456789") ^ 0xFFFFFFFF == 0xE3069283
    assert superblock.crc32c(bytes(32)) ^ 0xFFFFFFFF == 0x8A9136AA


def test_both_cpus_give_the_same_bytes(tmp_path: pathlib.Path):
    signed = normalised(tmp_path / "s", filesystem(0x1))
    unsigned = normalised(tmp_path / "u", filesystem(0x2))
    assert signed == unsigned


def test_only_the_copies_are_updated(tmp_path: pathlib.Path):
    before = filesystem(0x2 | 0x4)
    after = bytearray(normalised(tmp_path / "f", before))
    for offset in OFFSETS:
        assert struct.unpack_from("<I", after, offset + FLAGS)[0] == 0x1 | 0x4
        wanted = superblock.crc32c(after[offset : offset + CHECKSUM])
        assert struct.unpack_from("<I", after, offset + CHECKSUM)[0] == wanted
        assert after[offset + UUID : offset + UUID + 16] == IDENTIFIER.bytes
        struct.pack_into("<16s", after, offset + UUID, bytes(16))
        for field in (FLAGS, CHECKSUM):
            struct.pack_into("<4s", before, offset + field, after[offset + field : offset + field + 4])
    assert after == before


@pytest.mark.parametrize("offset", [1024 + 0x38, 1024 + 0x18, 3 * PER_GROUP * BLOCK + 0x38])
def test_other_filesystem_is_rejected(tmp_path: pathlib.Path, offset: int):
    data = filesystem(0x1)
    struct.pack_into("<H", data, offset, 7)
    with pytest.raises(superblock.SuperblockError, match="has no"):
        normalised(tmp_path / "f", data)


def test_checksums_that_depend_on_the_uuid_are_rejected(tmp_path: pathlib.Path):
    data = filesystem(0x1)
    struct.pack_into("<I", data, 1024 + INCOMPATIBLE, 0)
    with pytest.raises(superblock.SuperblockError, match="metadata_csum_seed"):
        normalised(tmp_path / "f", data)


def test_empty_file_is_rejected(tmp_path: pathlib.Path):
    with pytest.raises(superblock.SuperblockError, match="has no ext4"):
        normalised(tmp_path / "f", b"")
