"""File transfers into a guest and out of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable

from tools.sandbox import errors, frames, responses, schema
from tools.sandbox.connection import Connection

# Seconds to wait for each response.
_TIMEOUT = 120

# Most bytes of a file, and of a part of it in one message.
_MOST = schema.LIMITS["file"]
_CHUNK = schema.LIMITS["file_chunk"]

Content = bytes | Iterable[bytes] | AsyncIterable[bytes]


async def upload(connection: Connection, path: str, content: Content, *, executable: bool) -> int:
    """Replace or create a file in the guest's home, atomically.

    Args:
        connection: to the guest.
        path: its path there.
        content: all of it, or chunks of any size, read at the pace of the guest.
        executable: whether it can be executed.

    Returns:
        Its size.

    Raises:
        AgentError: the guest rejected it, or has no space for it.
    """
    channel = connection.open(connection.op_id())
    ended = False
    try:
        begin = {"action": "write_file", "path": path, "make_executable": executable}
        await connection.send({**begin, "op_id": channel.op_id})
        async for piece in _frame(content):
            if channel.peek():
                # Only an error arrives before the end.
                break
            data = base64.b64encode(piece).decode()
            await connection.send({"action": "file_chunk", "op_id": channel.op_id, "data": data})
        # Also after an error: it makes the agent forget the file.
        ended = True
        await connection.send({"action": "file_end", "op_id": channel.op_id})
        match await channel.receive(_TIMEOUT):
            case responses.FileWriteAck(bytes_written=size):
                return size
            case responses.Error() as error:
                raise errors.agent_error(error)
            case other:
                raise errors.ProtocolError(f"the agent answered a file with {type(other).__name__}")
    finally:
        if not ended:
            with contextlib.suppress(errors.SandboxError):
                await connection.send({"action": "cancel", "op_id": channel.op_id})
        channel.close()


async def download(connection: Connection, path: str) -> AsyncGenerator[bytes]:
    """Yield a file in the guest's home in chunks.

    A slow reader makes all other requests of the connection wait.

    Raises:
        AgentError: the guest reported an error.
        ProtocolError: the data is not a file.
    """
    channel = connection.open(connection.op_id())
    ended = False
    try:
        await connection.send({"action": "read_file", "op_id": channel.op_id, "path": path})
        decoder, size = frames.Decoder(), 0
        while not ended:
            match await channel.receive(_TIMEOUT):
                case responses.FileChunk(data=data):
                    for piece in decoder.push(data):
                        size += len(piece)
                        if size > _MOST:
                            raise errors.ProtocolError(f"the guest sent a file of more than {_MOST} bytes")
                        yield piece
                case responses.FileReadComplete(size=said):
                    ended = True
                    if not decoder.whole or size != said:
                        raise errors.ProtocolError(f"the guest sent {size} bytes of a file, but announced {said}")
                case responses.Error() as error:
                    ended = True
                    raise errors.agent_error(error)
                case other:
                    raise errors.ProtocolError(f"the agent answered a file with {type(other).__name__}")
    except ValueError as error:
        raise errors.ProtocolError(f"the guest sent a malformed file: {error}") from error
    finally:
        # First, so that the remaining data does not block other responses.
        channel.close()
        if not ended:
            with contextlib.suppress(errors.SandboxError):
                await connection.send({"action": "cancel", "op_id": channel.op_id})


async def _frame(content: Content) -> AsyncIterator[bytes]:
    """Yield the chunks of a frame, none longer than a message may be."""
    pending = bytearray(frames.HEAD)
    async for piece in _pieces(content):
        for start in range(0, len(piece), frames.BLOCK):
            pending += frames.block(piece[start : start + frames.BLOCK])
            while len(pending) >= _CHUNK:
                yield bytes(pending[:_CHUNK])
                del pending[:_CHUNK]
    yield bytes(pending + frames.TAIL)


async def _pieces(content: Content) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, AsyncIterable):
        async for piece in content:
            yield piece
    else:
        for piece in content:
            yield piece
            # Reading a file does not block the loop: let other tasks run.
            await asyncio.sleep(0)
