# pyright: basic
"""Read JSON files, and check them against a JSON Schema."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jsonschema
import jsonschema.exceptions

from tools.cli import errors

TEXT: Mapping[str, Any] = {"type": "string"}
"""Schema of a string."""

# Most characters of a reason in an error: a reason may contain the whole value.
_REASON_MAX = 200


def record(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object that has these properties, and may have others.

    Args:
        **properties: schema of each property.
    """
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def array(items: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of such items."""
    return {"type": "array", "items": items}


def load(
    path: str | os.PathLike[str],
    schema: Mapping[str, Any],
    what: str,
    *,
    error: type[errors.InputError] = errors.InputError,
    fix: str = "build it again",
) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        schema: JSON Schema of the file.
        what: noun for errors: `report of a kernel`.
        error: class of the error.
        fix: remedy for the error.

    Raises:
        InputError: the file is not JSON, or violates the schema. The class is `error`.
    """
    try:
        value = json.loads(pathlib.Path(path).read_text("utf-8"))
    except (ValueError, RecursionError) as reason:
        raise error(f"is not a {what}: {reason}", where=str(path), fix=fix) from None
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if wrong is not None:
        reason = f"{wrong.json_path}: {wrong.message}"[:_REASON_MAX]
        raise error(f"is not a {what}: {reason}", where=str(path), fix=fix)
    return value
