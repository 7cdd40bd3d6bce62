"""Test that a guest of 128 MiB survives requests of the maximum length, and that the agent frees the memory.

`//agents/guest_agent:memory_test` measures the agent's memory for every request and more shapes.
"""

from __future__ import annotations

import pytest

from tests.guest.booted import PATIENCE, Booted, booted
from tools.sandbox import responses

__all__ = ["booted"]

# KiB that the agent may keep.
_GROWTH = 1 << 10

_LONGEST = 16 << 20


def _fill(text: bytes, length: int) -> bytes:
    return text * (length // len(text))


def _long(before: bytes, text: bytes, after: bytes) -> bytes:
    """Return a line of the maximum length."""
    return before + _fill(text, _LONGEST - len(before) - len(after)) + after


_LINES = {
    "maps": _long(b'{"action":"ping","op_id":"big","x":[', b'{"":0},', b"0]}"),
    "list": _long(b'{"action":"ping","op_id":"big","x":[', b"0,", b"0]}"),
    "deep": _long(b'{"action":"ping","op_id":"big","x":', b"[", b""),
    "long_name": _long(b'{"action":"ping","op_id":"big","', b"k\\n", b'":0}'),
    "escapes": _long(b'{"action":"ping","op_id":"big","x":"', b"\\uffff", b'"}'),
    "number": _long(b'{"action":"clock","op_id":"big","unix_ns":', b"1", b"}"),
    "same_name": _long(b'{"action":"ping","op_id":"big",', b'"x":"",', b'"x":""}'),
    "code": _long(b'{"action":"exec","op_id":"big","language":"raw","code":"', b"x\\t", b'"}'),
    "variables": _long(
        b'{"action":"exec","op_id":"big","language":"raw","code":"x","env_vars":{', b'"A":"",', b'"A":"\\u0000"}}'
    ),
    "packages": _long(
        b'{"action":"install_packages","op_id":"big","language":"python","packages":[', b'"x==1",', b'"x==1"]}'
    ),
    "chunk": _long(b'{"action":"file_chunk","op_id":"big","data":"', b"AAA\\/", b'"}'),
    "stdin": _long(b'{"action":"stdin","op_id":"big","data":"', b"AAAA", b'"}'),
    "no_json": _long(b"", b"x", b""),
    "too_long": _long(b"", b"x", b"") + bytes(1 << 20),
}


@pytest.mark.parametrize("name", _LINES)
def test_guest_survives_the_longest_requests(booted: Booted, name: str) -> None:
    line = _LINES[name]
    assert name == "too_long" or _LONGEST - 64 < len(line) <= _LONGEST
    before = booted.wait(booted.agent.metrics()).agent_rss_kib

    async def send() -> responses.Response:
        connection = booted.agent.connection
        unnamed, named = connection.open(None), connection.open("big")
        try:
            await connection.send_bytes(line + b"\n")
            # A malformed request has no op_id; the answer to a valid one has this op_id.
            channel = unnamed if name in ("deep", "no_json", "too_long") else named
            return await channel.receive(PATIENCE)
        finally:
            unnamed.close()
            named.close()

    response = booted.wait(send())
    assert isinstance(response, responses.Error | responses.Pong)
    assert isinstance(response, responses.Pong) == (name in ("maps", "list", "long_name", "escapes", "same_name"))
    after = booted.wait(booted.agent.metrics()).agent_rss_kib
    assert before is not None and after is not None and after <= before + _GROWTH
    print(f"{name}: {before} KiB before, {after} KiB after")
