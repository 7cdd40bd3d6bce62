"""Fields of an answer, each taken with its type and its limit: a guest may send anything."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeGuard

from tools.sandbox import limits

# A text of JSON: its brackets nest nothing.
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _check_depth(line: bytes) -> None:
    """Looks how deep a line nests, before a parser that calls itself does."""
    if line.count(b"[") + line.count(b"{") <= limits.DEPTH:
        return
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", _TEXT.sub(b"", line)):
        depth += 1 if bracket in b"[{" else -1
        if depth > limits.DEPTH:
            raise ValueError(f"it nests deeper than {limits.DEPTH}")


class Fields:
    """The fields of one object."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    @classmethod
    def parse(cls, line: bytes) -> Fields:
        """Parses a line.

        Raises:
            ValueError: it is not a JSON object, or nests too deeply.
        """
        _check_depth(line)
        value: object = json.loads(line, parse_constant=_refuse_constant)
        if not _is_object(value):
            raise ValueError("it is not an object")
        return cls(value)

    def has(self, name: str) -> bool:
        """Whether a field is there; null is as good as absent."""
        return self._values.get(name) is not None

    def text(self, name: str, most: int = limits.TEXT) -> str:
        """Returns a text.

        Raises:
            ValueError: it is missing, no text, longer than `most` characters, or has halves of characters.
        """
        value = self._values.get(name)
        if not isinstance(value, str) or len(value) > most:
            raise ValueError(f"{name} is no text of at most {most} characters")
        # JSON can say a lone surrogate, which nothing can be made of.
        if not value.isascii():
            value.encode()
        return value

    def number(self, name: str, least: int = 0, most: int = (1 << 64) - 1) -> int:
        """Returns a whole number.

        Raises:
            ValueError: it is missing, no whole number, or out of the range.
        """
        value = self._values.get(name)
        # In Python, True is a number.
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{name} is no whole number of {least} to {most}")
        return value

    def flag(self, name: str) -> bool:
        """Returns a flag.

        Raises:
            ValueError: it is missing, or neither true nor false.
        """
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name} is neither true nor false")
        return value

    def data(self, name: str, most: int) -> bytes:
        """Returns bytes that travel as base64.

        Raises:
            ValueError: they are missing, not base64, or more than `most`.
        """
        value = base64.b64decode(self.text(name, most // 3 * 4 + 4), validate=True)
        if len(value) > most:
            raise ValueError(f"{name} has more than {most} bytes")
        return value

    def objects(self, name: str) -> Iterator[Fields]:
        """Yields the objects of a list.

        Raises:
            ValueError: it is missing, no list, or something in it is no object.
        """
        value = self._values.get(name)
        if not _is_list(value):
            raise ValueError(f"{name} is no list")
        for entry in value:
            if not _is_object(entry):
                raise ValueError(f"{name} has something that is no object")
            yield Fields(entry)
