"""Print `responses.py`, which has a class for each response of the wire's schema.

`./bazelw run //tools/sandbox:generate_responses > tools/sandbox/responses.py`, then `./bazelw run //:format`.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from tools.sandbox import schema

_HEAD = '''"""Responses of an agent, one class for each that `agents/protocol/protocol.schema.json` declares.

Created by `./bazelw run //tools/sandbox:generate_responses`. Do not edit.
"""

from __future__ import annotations

import dataclasses
'''

_TYPES = {"boolean": "bool", "integer": "int", "string": "str"}


def render() -> str:
    """Return the module's text."""
    definitions = schema.definitions("response")
    classes = [text for name, definition in definitions.items() for text in _classes(name, definition)]
    names = [schema.class_name(name) for name in definitions]
    union = "Response = (\n    " + "\n    | ".join(names) + "\n)\n"
    types = "".join(f'    "{name}": {schema.class_name(name)},\n' for name in definitions)
    return "\n\n".join(
        [
            _HEAD,
            *classes,
            union + '"""Any response."""\n\n'
            f'TYPES: dict[str, type[Response]] = {{\n{types}}}\n"""Classes by the `type` of their responses."""\n',
        ]
    )


def _classes(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    """Yield the class of an object, after those of the objects in it."""
    fields = schema.typed_fields(definition)
    types: dict[str, str] = {}
    for field, declared in fields.items():
        if declared.get("type") == "array":
            item = schema.resolved(declared["items"])
            if item.get("type") == "object":
                yield from _classes(schema.item_name(name, field), item)
        types[field] = _type(declared, schema.item_name(name, field))
    what = definition.get("description", f"One of the {name.split('_')[-1]} objects of a list.")
    lines = [f"@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)\nclass {schema.class_name(name)}:"]
    lines += _wrapped(f'"""{what}', "    ", "    ")
    if fields:
        lines += ["", "    Attributes:"]
        for field, declared in fields.items():
            lines += _wrapped(f"{field}: {declared.get('description', '')}", "        ", "            ")
        lines += ['    """', ""]
    else:
        lines[-1] += '"""'
    required = schema.required_fields(definition)
    lines += [f"    {field}: {types[field]}{'' if field in required else ' | None = None'}" for field in fields]
    yield "\n".join(lines) + "\n"


def _type(declared: Mapping[str, Any], name: str) -> str:
    match declared.get("type"):
        case "array":
            item = schema.resolved(declared["items"])
            return f"tuple[{schema.class_name(name) if item.get('type') == 'object' else _type(item, name)}, ...]"
        case "string" if "contentEncoding" in declared:
            return "bytes"
        case None if "enum" in declared:
            return "str"
        case other:
            return _TYPES[str(other)]


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, 120, initial_indent=first, subsequent_indent=rest, break_long_words=False)


if __name__ == "__main__":
    sys.stdout.write(render())
