"""Read Bazel's log of repository rules, for the files that they download."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import pathlib
from collections.abc import Iterator

from tools.cli import errors

# Numbers of fields in the messages of the log: a context, and one of several events.
_CONTEXT = 2
_DOWNLOAD = 4
_DOWNLOAD_AND_EXTRACT = 5
_URL = 1
_SHA256 = 3
_INTEGRITY = {_DOWNLOAD: 5, _DOWNLOAD_AND_EXTRACT: 6}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}


class LogError(errors.InputError):
    """A file that is not such a log."""


@dataclasses.dataclass(frozen=True)
class Download:
    """A download of a file whose digest is pinned.

    Attributes:
        algorithm: of the digest, such as `sha256`.
        digest: in hex.
        urls: the given addresses.
        context: the actor, such as `repository @@bazel_x86_64`.
    """

    algorithm: str
    digest: str
    urls: tuple[str, ...]
    context: str


def downloads(path: pathlib.Path) -> Iterator[Download]:
    """Yield the downloads with a digest in the file of `--experimental_workspace_rules_log_file`.

    Raises:
        LogError: the file is not such a log.
    """
    data = path.read_bytes()
    at = 0
    try:
        while at < len(data):
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("it ends in the middle of a message")
            yield from _downloads(data[at : at + size])
            at += size
    except (ValueError, IndexError, KeyError, binascii.Error) as error:
        raise LogError(f"is not a log of repository rules: {error}", where=str(path)) from None


def _downloads(message: bytes) -> Iterator[Download]:
    fields = list(_fields(message))
    context = "".join(value.decode() for number, value in fields if number == _CONTEXT)
    for number, value in fields:
        if number in _INTEGRITY:
            event = list(_fields(value))
            sha256 = "".join(text.decode() for field, text in event if field == _SHA256)
            integrity = "".join(text.decode() for field, text in event if field == _INTEGRITY[number])
            urls = tuple(text.decode() for field, text in event if field == _URL)
            if sha256:
                yield Download("sha256", sha256.lower(), urls, context)
            elif integrity:
                algorithm, _, digest = integrity.partition("-")
                yield Download(algorithm, base64.b64decode(digest, validate=True).hex(), urls, context)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield numbers and values of a message's fields that have bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("a field is longer than its message")
            yield key >> 3, message[at : at + size]
            at += size
        else:
            at += _FIXED[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
