"""Every answer of the wire, and every way that a guest may spoil one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.sandbox import answers, limits

_METRICS = {
    "uptime_ms": 1,
    "memory_total_kib": 2,
    "memory_available_kib": 3,
    "swap_total_kib": 4,
    "swap_free_kib": 5,
    "agent_rss_kib": 6,
    "disk_total_kib": 7,
    "disk_free_kib": 8,
    "processes": 9,
    "zombies": 0,
}

# One answer of each kind, as an agent sends it.
_GOOD: list[tuple[dict[str, Any], answers.Answer]] = [
    ({"type": "pong", "version": "1.2.3"}, answers.Pong("1.2.3", None)),
    ({"type": "pong", "version": "1.2.3", "boot": "root=5"}, answers.Pong("1.2.3", "root=5")),
    ({"type": "hello", "protocol": 1, "version": "1", "boot": ""}, answers.Hello(1, "1", "")),
    ({"type": "ack", "action": "mkdir"}, answers.Ack("mkdir")),
    ({"type": "ack", "action": "stdin", "waiting": 3}, answers.Ack("stdin", 3)),
    ({"type": "stdout", "chunk": "grüß"}, answers.Output("stdout", "grüß")),
    ({"type": "stderr", "chunk": "\0"}, answers.Output("stderr", "\0")),
    (
        {"type": "complete", "exit_code": -1, "execution_time_ms": 1, "spawn_ms": 2, "process_ms": 3},
        answers.Complete(-1, 1, 2, 3),
    ),
    ({"type": "file_chunk", "data": "AAE="}, answers.Piece(b"\0\1")),
    ({"type": "file_write_ack", "path": "a", "bytes_written": 2}, answers.Written(2)),
    ({"type": "file_read_complete", "path": "a", "size": 2}, answers.Read(2)),
    (
        {"type": "file_list", "path": "", "entries": [{"name": "a", "is_dir": False, "size": 1}]},
        answers.Listing((answers.Entry("a", False, 1),)),
    ),
    (
        {"type": "stat", "path": "a", "kind": "file", "size": 1, "mode": 0o644, "modified_ms": -5},
        answers.Stat("file", 1, 0o644, -5),
    ),
    ({"type": "clock", "unix_ns": 5}, answers.Clock(5)),
    ({"type": "reseed", "bytes": 3, "reseeded": True}, answers.Reseed(True)),
    ({"type": "metrics", **_METRICS}, answers.Metrics(**_METRICS)),
    ({"type": "error", "message": "a\x1b[2Jb", "error_type": "io_error"}, answers.Failure("io_error", "ab")),
]


def _line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(("fields", "answer"), _GOOD)
def test_answers_have_types(fields: dict[str, Any], answer: answers.Answer) -> None:
    assert answers.parse(_line(**fields)) == (None, answer)
    assert answers.parse(_line(**fields, op_id="x", unknown=[1])) == ("x", answer)


@pytest.mark.parametrize(("fields", "answer"), _GOOD)
@pytest.mark.parametrize("wrong", [None, [], {}, "\ud800", True, -(1 << 70), 1 << 70, 1.5])
def test_a_field_of_another_type_is_refused(fields: dict[str, Any], answer: answers.Answer, wrong: object) -> None:
    """Whatever stands in a field's place: either the field is not looked at, or the answer is refused."""
    for name in fields.keys() - {"type"}:
        try:
            message = answers.parse(_line(**{**fields, name: wrong}))
        except ValueError:
            continue
        assert message
        ignored = name in ("path", "bytes") or (name in ("boot", "waiting") and wrong is None)
        same_kind = (name == "reseeded" and wrong is True) or (name == "entries" and wrong == [])
        assert ignored or same_kind, (name, message)
        assert type(message.answer) is type(answer)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b"\xff\xfe",
        b'{"type": 1}',
        b"{}",
        b'{"type": "pong"}',
        b'{"type": "clock", "unix_ns": NaN}',
        b'{"type": "clock", "unix_ns": ' + b"9" * 10_000 + b"}",
        b'{"type": "pong", "version": "1", "op_id": 5}',
        _line(type="pong", version="1", op_id="x" * (limits.OP_ID + 1)),
        _line(type="stdout", chunk="x" * (limits.STREAMS["stdout"] + 1)),
        _line(type="file_chunk", data="*"),
        _line(type="file_chunk", data="A" * (2 * limits.PIECE)),
        _line(type="file_read_complete", size=limits.FILE + 1),
        _line(type="file_list", entries=[1]),
        b"[" * 1_000_000,
        b'{"type": "pong", "version": "1", "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"type": "pong", "version": "1", "x": ' + b"[" * 9 + b"]" * 9 + b"}",
    ],
)
def test_hostile_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        answers.parse(line)


def test_brackets_in_texts_nest_nothing() -> None:
    chunk = '[{\\"' * 5000
    assert answers.parse(_line(type="stdout", chunk=chunk)) == (None, answers.Output("stdout", chunk))


def test_types_of_later_agents_are_ignored() -> None:
    assert answers.parse(_line(type="song", op_id="x")) is None
