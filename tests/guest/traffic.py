# pyright: basic
"""Check responses of a booted agent against the JSON Schema of the protocol."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from unittest import mock

import jsonschema

from tools.sandbox import wire


@contextlib.contextmanager
def checked() -> Iterator[None]:
    """Check every response while the context lasts; an invalid one ends the connection."""
    schema = json.loads(pathlib.Path(os.environ["SCHEMA"]).read_text())
    validator = jsonschema.Draft202012Validator({"$ref": "#/$defs/response", "$defs": schema["$defs"]})
    parse = wire.parse

    def check(line: bytes) -> wire.Message | None:
        error = next(validator.iter_errors(json.loads(line)), None)
        if error:
            raise ValueError(f"not in the schema of the protocol: {line[:200]!r}")
        return parse(line)

    with mock.patch.object(wire, "parse", check):
        yield
