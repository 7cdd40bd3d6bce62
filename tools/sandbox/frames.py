"""zstd frames of stored blocks, the form of files on the wire: every decoder reads them, and an encoder is trivial.

A hostile guest cannot make a few bytes expand to gigabytes: the reader rejects blocks that are not stored.
"""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 128 << 10
"""Most bytes of a stored block."""

HEAD = bytes([0x28, 0xB5, 0x2F, 0xFD, 0, 7 << 3])
"""The beginning of a frame: one with a window of 128 KiB."""

TAIL = b"\1\0\0"
"""The end of a frame: an empty last block."""


def block(content: bytes) -> bytes:
    """Return a stored block that is not the last one; its content has at most `BLOCK` bytes."""
    return (len(content) << 3).to_bytes(3, "little") + content


class Decoder:
    """Read a frame in chunks."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._begun = False
        self._last = False

    def push(self, piece: bytes) -> Iterator[bytes]:
        """Add a chunk and yield the content of completed blocks.

        Raises:
            ValueError: it is not such a frame.
        """
        self._pending += piece
        if not self._begun:
            if not self._pending.startswith(HEAD[: len(self._pending)]):
                raise ValueError("it does not begin like a frame of the agent")
            if len(self._pending) < len(HEAD):
                return
            del self._pending[: len(HEAD)]
            self._begun = True
        while not self._last and len(self._pending) >= 3:
            header = int.from_bytes(self._pending[:3], "little")
            kind, size = header >> 1 & 3, header >> 3
            if kind or size > BLOCK:
                raise ValueError("a block is not stored, or too long")
            if len(self._pending) < 3 + size:
                return
            content = bytes(self._pending[3 : 3 + size])
            del self._pending[: 3 + size]
            self._last = bool(header & 1)
            if content:
                yield content
        if self._last and self._pending:
            raise ValueError("bytes follow the frame")

    @property
    def whole(self) -> bool:
        """Whether the frame has ended."""
        return self._last
