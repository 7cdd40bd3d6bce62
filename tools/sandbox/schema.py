"""The wire's declaration, `agents/protocol/protocol.schema.json`: its limits, and checks derived from it.

The checks cover the part of JSON Schema that responses use; loading rejects a schema with other parts. They differ from
the schema in two points: an `enum` is a short text, since later agents may send further values; and null equals absent.
"""

from __future__ import annotations

import binascii
import json
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard, cast

Read = Callable[[object, str], Any]
"""Converts a value of JSON with the name of its field to the host's value, or raises ValueError."""

Make = Callable[[str, dict[str, Any]], Any]
"""Converts the name of an object's declaration and the values of its fields to the host's value."""

_SCHEMA: dict[str, Any] = json.loads(
    (pathlib.Path(__file__).parents[2] / "agents/protocol/protocol.schema.json").read_bytes()
)

LIMITS: Mapping[str, int] = _SCHEMA["x-limits"]
"""Limits of both sides, by name."""

ERROR_TYPES: tuple[str, ...] = tuple(_SCHEMA["x-error-types"])
"""Types of errors."""

DEFINITIONS: Mapping[str, Any] = _SCHEMA["$defs"]
"""Declarations of requests and responses."""

# Longest value of an `enum` from a later agent.
_LONGEST_NAME = 64

# Keywords without a check, or with the same check as another: `pattern` repeats `contentEncoding`.
_ANNOTATIONS = {"$comment", "default", "description", "examples", "format", "title"}


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a value of JSON is an object."""
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def definitions(kind: str) -> dict[str, Any]:
    """Return the declarations of a kind, `request` or `response`, by the name of the action or type."""
    names = [alternative["$ref"].removeprefix("#/$defs/") for alternative in DEFINITIONS[kind]["oneOf"]]
    return {name.removeprefix(f"{kind}_"): DEFINITIONS[name] for name in names}


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the target of a schema's reference, or the schema itself."""
    reference = schema.get("$ref")
    return DEFINITIONS[reference.removeprefix("#/$defs/")] if reference else schema


def item_name(name: str, field: str) -> str:
    """Return the name of the objects in a list: those in `entries` of `file_list` are `file_list_entry`."""
    singular = f"{field[:-3]}y" if field.endswith("ies") else field.removesuffix("s")
    return f"{name}_{singular}"


def reader(schema: Mapping[str, Any], name: str, make: Make) -> Read:
    """Return the converter for values of a schema.

    Args:
        schema: the schema.
        name: name of its object.
        make: creates the host's value of an object.

    Raises:
        ValueError: the schema has an unknown keyword.
    """
    schema = {key: value for key, value in resolved(schema).items() if not _is_annotation(key)}
    if "const" in schema:
        return _constant(_only(schema, "const", "type")["const"])
    if "enum" in schema:
        _only(schema, "enum", "type")
        return _text({"maxLength": _LONGEST_NAME})
    match schema.get("type"):
        case "object":
            return _object(_only(schema, "type", "properties", "required", "additionalProperties"), name, make)
        case "array":
            items = reader(schema.get("items", {}), name, make)
            return _array(_only(schema, "type", "items", "minItems", "maxItems"), items)
        case "string" if "contentEncoding" in schema:
            return _data(_only(schema, "type", "contentEncoding", "minLength", "maxLength", "pattern", "x-bytes"))
        case "string":
            return _text(_only(schema, "type", "minLength", "maxLength", "pattern", "x-bytes"))
        case "integer":
            return _integer(_only(schema, "type", "minimum", "maximum"))
        case "boolean":
            _only(schema, "type")
            return _boolean
        case other:
            raise ValueError(f"{name}: type {other!r} of a schema is not supported")


def _is_annotation(keyword: str) -> bool:
    return keyword in _ANNOTATIONS or (keyword.startswith("x-") and keyword != "x-bytes")


def _only(schema: Mapping[str, Any], *keywords: str) -> Mapping[str, Any]:
    if unknown := schema.keys() - set(keywords):
        raise ValueError(f"keywords {sorted(unknown)} of a schema are not supported")
    return schema


def _constant(constant: object) -> Read:
    def read(value: object, name: str) -> object:
        if type(value) is not type(constant) or value != constant:
            raise ValueError(f"{name} is not {constant!r}")
        return value

    return read


def _boolean(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is not true or false")
    return value


def _integer(schema: Mapping[str, Any]) -> Read:
    # Huge numbers, which no declaration allows, would cost time for their length.
    least, most = schema.get("minimum", -(1 << 63)), schema.get("maximum", (1 << 64) - 1)

    def read(value: object, name: str) -> int:
        # In Python, True is a number.
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{name} is not a whole number of {least} to {most}")
        return value

    return read


def _text(schema: Mapping[str, Any]) -> Read:
    least, most = schema.get("minLength", 0), schema.get("maxLength", LIMITS["request"])
    least_bytes, most_bytes = schema.get("x-bytes", (0, 4 * most))
    pattern = re.compile(schema["pattern"]) if "pattern" in schema else None

    def read(value: object, name: str) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise ValueError(f"{name} is not a text of {least} to {most} characters")
        # JSON can contain a lone surrogate, which is not a character.
        length = len(value) if value.isascii() else len(value.encode())
        if not least_bytes <= length <= most_bytes:
            raise ValueError(f"{name} is not a text of {least_bytes} to {most_bytes} bytes")
        if pattern and not pattern.search(value):
            raise ValueError(f"{name} does not have the required form")
        return value

    return read


def _data(schema: Mapping[str, Any]) -> Read:
    text = _text({key: value for key, value in schema.items() if key != "pattern"})

    def read(value: object, name: str) -> bytes:
        try:
            return binascii.a2b_base64(text(value, name), strict_mode=True)
        except ValueError as error:
            raise ValueError(f"{name} is not base64: {error}") from None

    return read


def _array(schema: Mapping[str, Any], item: Read) -> Read:
    least, most = schema.get("minItems", 0), schema.get("maxItems", LIMITS["request"])

    def read(value: object, name: str) -> tuple[Any, ...]:
        if not _is_list(value) or not least <= len(value) <= most:
            raise ValueError(f"{name} is not a list of {least} to {most}")
        return tuple([item(one, name) for one in value])

    return read


def _object(schema: Mapping[str, Any], object_name: str, make: Make) -> Read:
    fields = {
        name: reader(field, item_name(object_name, name), make) for name, field in schema.get("properties", {}).items()
    }
    required = frozenset(schema.get("required", ()))
    if schema.get("additionalProperties", True) is not True:
        raise ValueError(f"{object_name}: the schema rejects fields of later agents")

    def read(value: object, name: str) -> object:
        if not is_object(value):
            raise ValueError(f"{name} is not an object")
        if missing := required - value.keys():
            raise ValueError(f"{name} has no {min(missing)}")
        known = {
            field: one for field, one in value.items() if field in fields and (one is not None or field in required)
        }
        return make(object_name, {field: fields[field](one, field) for field, one in known.items()})

    return read


def typed_fields(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the fields of a declaration that have values on the host: those that are not constant."""
    fields: dict[str, Mapping[str, Any]] = definition["properties"]
    return {name: resolved(field) for name, field in fields.items() if "const" not in field and name != "op_id"}


def class_name(name: str) -> str:
    """Return the class name of a declaration: `FileList` for `file_list`."""
    return "".join(word.capitalize() for word in name.split("_"))


def required_fields(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of mandatory fields."""
    return frozenset(cast("list[str]", definition.get("required", [])))
