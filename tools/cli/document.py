# pyright: basic
"""Reads JSON files that must have a form, which a JSON Schema says."""

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
"""Schema of a text."""

# Characters of a reason that an error repeats: it may have the whole value.
_REASON_MAX = 200


def record(**properties: Any) -> dict[str, Any]:
    """Returns the schema of an object with all these properties, and any others.

    Args:
        **properties: schema of each.
    """
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def array(items: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the schema of a list of such items."""
    return {"type": "array", "items": items}


def load(
    path: str | os.PathLike[str],
    schema: Mapping[str, Any],
    what: str,
    *,
    error: type[errors.InputError] = errors.InputError,
    fix: str = "build it again",
) -> Any:
    """Reads a JSON file.

    Args:
        path: the file.
        schema: what it must be like.
        what: what it is, for errors: `report of a kernel`.
        error: class of the error.
        fix: what to do about the error.

    Raises:
        InputError: of the class `error`: it is no JSON, or not as the schema says.
    """
    try:
        value = json.loads(pathlib.Path(path).read_text("utf-8"))
    except (ValueError, RecursionError) as reason:
        raise error(f"is no {what}: {reason}", where=str(path), fix=fix) from None
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if wrong is not None:
        reason = f"{wrong.json_path}: {wrong.message}"[:_REASON_MAX]
        raise error(f"is no {what}: {reason}", where=str(path), fix=fix)
    return value
