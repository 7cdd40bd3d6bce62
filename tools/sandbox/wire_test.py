# pyright: basic
"""Lines of the wire: all responses of the schema, and all ways in which a guest may break one."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import os
import pathlib
import resource
import socket
import subprocess
import threading
import time
from typing import Any

import hypothesis
import jsonschema
import pytest
from hypothesis import strategies

from tools.sandbox import connection, errors, generate_responses, limits, responses, schema, wire

# Slow machines: the result must not depend on the time.
hypothesis.settings.register_profile("guest", deadline=None, max_examples=200, database=None, derandomize=True)
hypothesis.settings.load_profile("guest")


def _opened(declared: Any) -> Any:
    """Return a schema with the values that this host also accepts: later values of an `enum`, and null for absence."""
    if isinstance(declared, list):
        return [_opened(one) for one in declared]  # pyright: ignore[reportUnknownVariableType]
    if not schema.is_object(declared):
        return declared
    opened: dict[str, Any] = {key: _opened(value) for key, value in declared.items()}
    if "enum" in opened:
        return {"type": "string", "maxLength": 64}
    required = declared.get("required", [])
    if schema.is_object(fields := opened.get("properties")) and "type" in declared:
        opened["properties"] = {
            name: field if name in required else {"anyOf": [field, {"type": "null"}]} for name, field in fields.items()
        }
    return opened


_VALIDATORS = {
    name: jsonschema.Draft202012Validator({**_opened(declared), "$defs": _opened(dict(schema.DEFINITIONS))})
    for name, declared in schema.definitions("response").items()
}


def _texts(declared: dict[str, Any]) -> strategies.SearchStrategy[str]:
    if "contentEncoding" in declared:
        return strategies.binary(max_size=300).map(lambda data: base64.b64encode(data).decode())
    return strategies.text(min_size=declared.get("minLength", 0), max_size=min(declared.get("maxLength", 40), 40))


def _values(declared: dict[str, Any]) -> strategies.SearchStrategy[Any]:
    """Return a strategy for values of a schema."""
    declared = dict(schema.resolved(declared))
    if "const" in declared:
        return strategies.just(declared["const"])
    if "enum" in declared:
        return strategies.sampled_from(declared["enum"])
    match declared["type"]:
        case "object":
            required = set(declared.get("required", ()))
            fields = {name: _values(field) for name, field in declared["properties"].items()}
            return strategies.fixed_dictionaries(
                {name: field for name, field in fields.items() if name in required},
                optional={name: field for name, field in fields.items() if name not in required},
            )
        case "array":
            return strategies.lists(_values(declared["items"]), max_size=4)
        case "string":
            return _texts(declared)
        case "integer":
            return strategies.integers(declared.get("minimum", -(1 << 63)), declared.get("maximum", (1 << 63) - 1))
        case _:
            return strategies.booleans()


_RESPONSES = strategies.one_of([_values(declared) for declared in schema.definitions("response").values()])
_ANYTHING = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(1 << 70), 1 << 70)
    | strategies.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | strategies.text(max_size=8),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(max_size=8), inner),
    max_leaves=6,
)


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _check(value: dict[str, Any]) -> None:
    """Check that the host accepts a value if the schema does, and that it has its type."""
    line = json.dumps(value).encode()
    validator = _VALIDATORS[value["type"]]
    if validator.is_valid(value) and _encodable(value):
        message = wire.parse(line)
        assert message and type(message.response) is responses.TYPES[value["type"]]
        assert message.op_id == value.get("op_id")
    else:
        with pytest.raises(ValueError):
            wire.parse(line)


def test_generated_module_is_up_to_date() -> None:
    made = pathlib.Path(responses.__file__).read_text()
    again = "./bazelw run //tools/sandbox:generate_responses > tools/sandbox/responses.py"
    assert made == generate_responses.render(), again


def test_examples_of_the_agent_are_accepted() -> None:
    program = pathlib.Path(os.environ["DOCUMENT"]).absolute()
    output = subprocess.run([program, "examples"], check=True, capture_output=True).stdout
    seen: set[str] = set()
    for line in output.splitlines():
        example = json.loads(line)
        if example["of"] not in ("answer", "response"):
            continue
        value = example["value"]
        message = wire.parse(json.dumps(value).encode())
        assert message, value
        for field in schema.typed_fields(schema.definitions("response")[value["type"]]):
            assert (getattr(message.response, field) is None) == (field not in value), (field, value)
        seen.add(value["type"])
    assert seen == set(responses.TYPES)


@hypothesis.given(_RESPONSES)
def test_response_of_the_schema_is_accepted(value: dict[str, Any]) -> None:
    assert _VALIDATORS[value["type"]].is_valid(value)
    _check(value)
    # Fields of later agents.
    _check({**value, "song": [1, {"a": None}]})


@hypothesis.given(_RESPONSES, strategies.data())
def test_response_outside_the_schema_is_rejected(value: dict[str, Any], data: strategies.DataObject) -> None:
    value = copy.deepcopy(value)
    name = data.draw(strategies.sampled_from(sorted(value)).filter(lambda name: name != "type" or len(value) == 1))
    if name == "type":
        return
    if data.draw(strategies.booleans()):
        value[name] = data.draw(_ANYTHING)
    else:
        del value[name]
    _check(value)


@hypothesis.given(strategies.binary(max_size=300) | _ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_accepted_or_rejected(line: bytes) -> None:
    try:
        wire.parse(line)
    except ValueError:
        pass


@hypothesis.given(_RESPONSES, strategies.data())
def test_changed_bytes_are_accepted_or_rejected(value: dict[str, Any], data: strategies.DataObject) -> None:
    line = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(strategies.integers(1, 4))):
        line[data.draw(strategies.integers(0, len(line) - 1))] = data.draw(strategies.integers(0, 255))
    try:
        wire.parse(bytes(line))
    except ValueError:
        pass


_PONG = b'{"type": "pong", "version": "1"'


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"[]", b"1", b"null", b"{}", b'{"type": 1}', b'{"type": "pong"}'),
        *(
            b'{"type": "clock", "unix_ns": ' + number + b"}"
            for number in (b"NaN", b"1e400", b"1.0", b"-1", b"9" * 10_000)
        ),
        # A duplicate field, also in an unknown one.
        *(_PONG + b', "version": "2"}', _PONG + b', "x": {"a": 1, "a": 1}}'),
        # Not UTF-8: other encodings of JSON, halves of characters, and invalid bytes.
        *((_PONG + b"}").decode().encode(encoding) for encoding in ("utf-16", "utf-32-le", "utf-8-sig")),
        *(b'{"type": "stdout", "chunk": "' + bad + b'"}' for bad in (b"\xff", b"\xed\xa0\x80", b"\\ud800")),
        # Too deep.
        *(b"[" * 1_000_000, _PONG + b', "x": ' + b"[" * 9 + b"]" * 9 + b"}"),
        _PONG + b', "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        json.dumps({"type": "pong", "version": "1", "op_id": "x" * (schema.LIMITS["op_id"] + 1)}).encode(),
        json.dumps({"type": "pong", "version": "1", "op_id": "é" * schema.LIMITS["op_id"]}).encode(),
        json.dumps({"type": "file_chunk", "data": "A" * (2 * schema.LIMITS["file_chunk"])}).encode(),
    ],
)
def test_hostile_line_is_rejected(line: bytes) -> None:
    with pytest.raises(ValueError):
        wire.parse(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "stdout", "chunk": "' + rb"\"" * (limits.RESPONSE // 2) + b"[" * 20 + b'"}',
        # An unterminated text, with quotes at which another could begin.
        b"[" * 8 + b'["' + rb"\"" * (limits.RESPONSE // 2),
        b"[" * 8 + b'["' + b"\\" * limits.RESPONSE,
        b'{"type":"x","x":[' + b'{"":0},' * (limits.RESPONSE // 7 - 10) + b"0]}",
        b'{"type":"x","x":[' + b"[]," * (limits.RESPONSE // 3 - 10) + b"0]}",
    ],
    ids=["quotes", "no end", "backslashes", "objects", "lists"],
)
def test_longest_line_costs_bounded_time_and_memory(line: bytes) -> None:
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        wire.parse(line)
    except ValueError:
        pass
    # Seconds of this process, independent of other load; quadratic time would be hours.
    assert time.process_time() - begin < 30
    # KiB: an object with a field takes some 300 bytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


def test_brackets_in_texts_do_not_nest() -> None:
    chunk = '[{\\"' * 5000
    line = json.dumps({"type": "stdout", "chunk": chunk}).encode()
    assert wire.parse(line) == (None, responses.Stdout(chunk=chunk))


def test_unknown_type_is_ignored() -> None:
    assert wire.parse(b'{"type": "song", "op_id": "x"}') is None


class _Peer:
    """A guest that sends given bytes, in given chunks."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def open_port(self, index: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a new pipe."""
        del timeout
        reader, writer = await asyncio.open_connection(sock=_socket(self._chunks if index else None), limit=1 << 12)
        return reader, writer

    def error(self, reason: str) -> errors.MachineError:
        """Return an error, like a machine."""
        return errors.MachineError(reason)


def _socket(chunks: list[bytes] | None) -> socket.socket:
    ours, theirs = socket.socketpair()

    def say() -> None:
        with theirs:
            for chunk in chunks or []:
                try:
                    theirs.sendall(chunk)
                except OSError:
                    return
            if chunks is None:
                theirs.recv(1)

    threading.Thread(target=say, daemon=True).start()
    return ours


def _received(chunks: list[bytes], op_id: str) -> tuple[list[responses.Response], str]:
    async def receive() -> tuple[list[responses.Response], str]:
        found: list[responses.Response] = []
        async with connection.Connection(_Peer(chunks)) as connected:
            channel = connected.open(op_id)
            try:
                while True:
                    found.append(await channel.receive(60))
            except errors.MachineError as error:
                return found, type(error).__name__

    return asyncio.run(receive())


_LINES = b"".join(
    json.dumps(value).encode() + b"\n"
    for value in (
        {"type": "stdout", "chunk": "grüß", "op_id": "1"},
        {"type": "song", "op_id": "1"},
        {"type": "ack", "action": "mkdir", "op_id": "1"},
        {"type": "ack", "action": "mkdir", "op_id": "2"},
    )
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 1000])
def test_lines_may_arrive_in_any_chunks(step: int) -> None:
    chunks = [_LINES[start : start + step] for start in range(0, len(_LINES), step)]
    expected = [responses.Stdout(chunk="grüß"), responses.Ack(action="mkdir")]
    assert _received(chunks, "1") == (expected, "MachineError")


@pytest.mark.parametrize("place", range(0, len(_LINES), 5))
def test_line_without_end_is_not_a_response(place: int) -> None:
    found, error = _received([_LINES[:place]], "1")
    assert len(found) == sum(b'"1"' in line and b"song" not in line for line in _LINES[:place].split(b"\n")[:-1])
    assert error == "MachineError"


@pytest.mark.parametrize("length", [(1 << 12) + 1, 1 << 20])
def test_too_long_line_is_rejected(length: int) -> None:
    assert _received([b"x" * length + b"\n" + _LINES], "1") == ([], "ProtocolError")
