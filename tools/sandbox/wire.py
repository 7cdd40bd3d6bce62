"""Lines of the wire: requests to lines, and lines to responses with a type. A guest may send anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, cast

from tools.sandbox import limits, responses, schema
from tools.sandbox.responses import Response

# Texts of JSON, whose brackets nest nothing, and brackets. A text that does not end reaches to the end of the line:
# looking for another one in it would take time that grows with the square of its length.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class Message(NamedTuple):
    """A response, and whose it is.

    Attributes:
        op_id: that of the request, if it had one.
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
    """Return the classes of the objects that are fields of others, by the name of their declaration."""
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
    """Take a response apart.

    Args:
        line: the line, with or without its newline.

    Returns:
        The response; nothing for one of a type that the schema does not have, which a later agent may send.

    Raises:
        ValueError: no agent sends it.
    """
    _check_depth(line)
    # Decoded here: json would take UTF-16 and UTF-32 too.
    value: object = json.loads(line.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    if not schema.is_object(value) or not isinstance(kind := value.get("type"), str):
        raise ValueError("it is not an object that has a type")
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
    """Look how deep a line nests, before a parser that calls itself does."""
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
    raise ValueError(f"{name} is not a number of JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is there twice")
    return fields
