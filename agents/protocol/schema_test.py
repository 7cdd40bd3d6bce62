# pyright: basic
"""Check the JSON Schema of the wire against the agent's own parser and responses."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

_SCHEMA: dict[str, Any] = json.loads(pathlib.Path(os.environ["SCHEMA"]).read_text())


def _validator(name: str) -> jsonschema.Draft202012Validator:
    # Keep only "$defs": the schema's own "oneOf" would apply as well.
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": _SCHEMA["$defs"]})


def _examples(of: str) -> Iterator[dict[str, Any]]:
    program = pathlib.Path(os.environ["DOCUMENT"]).absolute()
    output = subprocess.run([program, "examples"], check=True, capture_output=True).stdout
    for line in output.splitlines():
        example = json.loads(line)
        if example["of"] == of:
            yield example


def test_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(_SCHEMA)


def test_schema_agrees_with_parser_on_requests() -> None:
    validator = _validator("request")
    counts = {True: 0, False: 0}
    for example in _examples("request"):
        value, accepted = example["value"], example["accepted"]
        if value["action"] == "install_packages" and value.get("language") in ("javascript", "raw"):
            continue  # Only the agent checks the syntax of packages, and whether a language has packages.
        assert validator.is_valid(value) == accepted, str(value)[:300]
        counts[accepted] += 1
    assert counts[True] > 100 and counts[False] > 200


def test_schema_accepts_responses() -> None:
    validator = _validator("response")
    seen = set()
    for example in _examples("response"):
        validator.validate(example["value"])
        seen.add(f"response_{example['value']['type']}")
    assert seen == {name for name in _SCHEMA["$defs"] if name.startswith("response_")}


@pytest.mark.parametrize("change", [{"exit_code": "0"}, {"exit_code": None}, {"type": "done"}, {"op_id": ""}])
def test_schema_rejects_malformed_response(change: dict[str, Any]) -> None:
    response = {"type": "complete", "exit_code": 0, "execution_time_ms": 1, "spawn_ms": 1, "process_ms": 1}
    assert _validator("response").is_valid(response)
    assert not _validator("response").is_valid({**response, **change})
