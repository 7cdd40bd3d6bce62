"""zstd frames of stored blocks, which is how files travel: every decoder takes them, and none is needed to make them.

A hostile guest cannot make a few bytes mean gigabytes: a block that is not stored is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 128 << 10
"""Most bytes of a stored block."""

HEAD = bytes([0x28, 0xB5, 0x2F, 0xFD, 0, 7 << 3])
"""What a frame begins with: one with a window of 128 KiB."""

TAIL = b"\1\0\0"
"""What ends a frame: an empty last block."""


def block(content: bytes) -> bytes:
    """Return a stored block that is not the last one; its content has at most `BLOCK` bytes."""
    return (len(content) << 3).to_bytes(3, "little") + content


class Decoder:
    """Takes a frame in pieces."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._begun = False
        self._last = False

    def push(self, piece: bytes) -> Iterator[bytes]:
        """Add a piece and yield the content of the blocks that it completes.

        Raises:
            ValueError: it is no such frame.
        """
        self._pending += piece
        if not self._begun:
            if not self._pending.startswith(HEAD[: len(self._pending)]):
                raise ValueError("it does not begin as a frame of the agent does")
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
            raise ValueError("something follows the frame")

    @property
    def whole(self) -> bool:
        """Whether the frame has ended."""
        return self._last
