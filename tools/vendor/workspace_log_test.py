"""Test the reader of Bazel's log, on messages as Bazel writes them."""

from __future__ import annotations

import pathlib

import hypothesis
import pytest
from hypothesis import strategies

from tools.vendor import workspace_log

_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_SHA512 = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def _text(number: int, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _message(number: int, *fields: bytes, context: str = "repository @@demo") -> bytes:
    body = _text(1, "/x/download.bzl:1:2") + _text(2, context) + _text(number, b"".join(fields))
    return _varint(len(body)) + body


def _read(directory: pathlib.Path, data: bytes) -> list[workspace_log.Download]:
    path = directory / "log"
    path.write_bytes(data)
    return list(workspace_log.downloads(path))


def test_downloads_have_digest_addresses_and_context(tmp_path: pathlib.Path):
    executable = _varint(4 << 3) + b"\x01"
    urls = _text(1, "http://a.example/x.deb") + _text(1, "http://b.example/x.deb")
    data = _message(4, urls, _text(2, "/o/x.deb"), _text(3, _SHA256.upper()), executable)
    # Another event, longer than a varint of one byte says.
    data += _message(6, _text(1, "/o/file"), _text(2, "x" * 1000))
    data += _message(
        4, _text(1, "https://c.example/n.tgz"), _text(5, f"sha512-{_SHA512}"), context="module extension e"
    )
    data += _message(5, _text(1, "https://d.example/a.zip"), _text(3, _SHA256))
    data += _message(5, _text(1, "https://d.example/b.zip"), _text(6, f"sha512-{_SHA512}"))
    first, second, third, fourth = _read(tmp_path, data)
    assert first == workspace_log.Download(
        "sha256", _SHA256, ("http://a.example/x.deb", "http://b.example/x.deb"), "repository @@demo"
    )
    assert (second.algorithm, second.digest[:8], second.context) == ("sha512", "cf83e135", "module extension e")
    assert (third.algorithm, third.digest, third.urls) == ("sha256", _SHA256, ("https://d.example/a.zip",))
    assert (fourth.algorithm, fourth.digest) == ("sha512", second.digest)


def test_download_without_a_digest_is_left_out(tmp_path: pathlib.Path):
    assert _read(tmp_path, _message(4, _text(1, "https://a.example/index.html"), _text(2, "index.html"))) == []


def test_empty_log_has_no_downloads(tmp_path: pathlib.Path):
    assert _read(tmp_path, b"") == []


@hypothesis.given(end=strategies.integers(min_value=1))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_log_that_ends_early_is_refused(tmp_path: pathlib.Path, end: int):
    data = _message(4, _text(1, "http://a.example/x.deb"), _text(3, _SHA256))
    with pytest.raises(workspace_log.LogError, match="is not a log of repository rules"):
        _read(tmp_path, data[: 1 + end % (len(data) - 1)])
