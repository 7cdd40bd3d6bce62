"""Convert requests to lines, and lines to typed responses. A guest may send anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, cast

from tools.sandbox import limits, responses, schema
from tools.sandbox.responses import Response

# Texts of JSON, whose brackets do not nest, and brackets. An unterminated text extends to the end of the line: a search
# for another text in it would take quadratic time.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class Message(NamedTuple):
    """A response with its op_id.

    Attributes:
        op_id: op_id of the request, if it had one.
        response: the response.
    """

    op_id: str | None
    response: Response


def _make(name: str, fields: dict[str, Any]) -> Any:
    declared = _OBJECTS.get(name)
    if declared:
        return declared(**fields)
    op_id = fields.pop("op_id", None)
    return Message(op_id, cast(Any, responses.TYPES[fields.pop("type")])(**fields))


def _objects(name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes of nested objects, by the name of their declaration."""
    found: dict[str, Any] = {}
    for field, declared in schema.typed_fields(definition).items():
        item = schema.resolved(declared.get("items", {}))
        if item.get("type") == "object":
            item_name = schema.item_name(name, field)
            found |= {item_name: getattr(responses, schema.class_name(item_name)), **_objects(item_name, item)}
    return found


_DEFINITIONS = schema.definitions("response")
_OBJECTS = {key: value for name, declared in _DEFINITIONS.items() for key, value in _objects(name, declared).items()}
_READERS = {name: schema.reader(declared, name, _make) for name, declared in _DEFINITIONS.items()}


def parse(line: bytes) -> Message | None:
    """Parse a response.

    Args:
        line: the line, with or without its newline.

    Returns:
        The response, or None for an unknown type, which a later agent may send.

    Raises:
        ValueError: no agent sends it.
    """
    _check_depth(line)
    # Decoded here: json would also accept UTF-16 and UTF-32.
    value: object = json.loads(line.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    if not schema.is_object(value) or not isinstance(kind := value.get("type"), str):
        raise ValueError("it is not an object with a type")
    reader = _READERS.get(kind)
    return reader(value, kind) if reader else None


def encode(request: Mapping[str, Any]) -> bytes:
    """Return the line of a request.

    Raises:
        ValueError: it is too long.
    """
    line = json.dumps(request).encode()
    if len(line) > schema.LIMITS["request"]:
        raise ValueError(f"a request of {len(line)} bytes is longer than {schema.LIMITS['request']}")
    return line + b"\n"


def _check_depth(line: bytes) -> None:
    """Check the nesting of a line before a recursive parser reads it."""
    if line.count(b"[") + line.count(b"{") <= limits.DEPTH:
        return
    depth = 0
    for token in _TOKEN.finditer(line):
        first = line[token.start()]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
        if depth > limits.DEPTH:
            raise ValueError(f"it nests deeper than {limits.DEPTH}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field occurs twice")
    return fields
