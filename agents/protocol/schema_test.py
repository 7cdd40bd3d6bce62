# pyright: basic
"""Checks the JSON Schema of the wire against the agent's own parser and responses."""

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
    # The reference alone: beside it the schema's own "oneOf" would hold too.
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


def test_schema_and_parser_agree_on_requests() -> None:
    validator = _validator("request")
    counts = {True: 0, False: 0}
    for example in _examples("request"):
        value, taken = example["value"], example["taken"]
        if value["action"] == "install_packages" and value.get("language") in ("javascript", "raw"):
            continue  # How a language writes its packages, and whether it has any, is the agent's to say.
        assert validator.is_valid(value) == taken, str(value)[:300]
        counts[taken] += 1
    assert counts[True] > 100 and counts[False] > 200


def test_responses_are_valid() -> None:
    validator = _validator("response")
    seen = set()
    for example in _examples("response"):
        validator.validate(example["value"])
        seen.add(f"response_{example['value']['type']}")
    assert seen == {name for name in _SCHEMA["$defs"] if name.startswith("response_")}


@pytest.mark.parametrize("change", [{"exit_code": "0"}, {"exit_code": None}, {"type": "done"}, {"op_id": ""}])
def test_malformed_response_is_invalid(change: dict[str, Any]) -> None:
    response = {"type": "complete", "exit_code": 0, "execution_time_ms": 1, "spawn_ms": 1, "process_ms": 1}
    assert _validator("response").is_valid(response)
    assert not _validator("response").is_valid({**response, **change})
