"""zstd frames of stored blocks: complete, in chunks, and hostile."""

from __future__ import annotations

import pytest

from tools.sandbox import frames


def _frame(*contents: bytes) -> bytes:
    return frames.HEAD + b"".join(frames.block(content) for content in contents) + frames.TAIL


@pytest.mark.parametrize("step", [1, 2, 5, 1 << 20])
def test_content_is_independent_of_the_chunks(step: int) -> None:
    contents = [b"first", b"x" * 1000, b"last"]
    frame, decoder = _frame(*contents), frames.Decoder()
    got = [block for start in range(0, len(frame), step) for block in decoder.push(frame[start : start + step])]
    assert (got, decoder.whole) == (contents, True)


def test_half_a_frame_is_not_complete() -> None:
    decoder = frames.Decoder()
    assert list(decoder.push(_frame(b"content")[:-1])) == [b"content"]
    assert not decoder.whole


@pytest.mark.parametrize(
    "frame",
    [
        b"PK\3\4",
        frames.HEAD[:4] + b"\4" + frames.HEAD[5:],
        _frame(b"x") + b"more",
        # A repeated byte: four bytes on the wire are 128 KiB.
        frames.HEAD + ((1 << 20) | 2).to_bytes(3, "little") + b"x",
        # A compressed block.
        frames.HEAD + ((1 << 3) | 4).to_bytes(3, "little") + b"x",
        # A block that is longer than a window.
        frames.HEAD + ((frames.BLOCK + 1) << 3).to_bytes(3, "little"),
    ],
)
def test_other_frame_is_rejected(frame: bytes) -> None:
    with pytest.raises(ValueError):
        list(frames.Decoder().push(frame))
