"""Read Bazel's execution log, and sum up the load of its actions on a remote execution cluster."""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from tools.cli import errors

_DURATION = re.compile(r"([0-9.]+)s", re.ASCII)


class LogError(errors.InputError):
    """A file that is not an execution log."""


@dataclasses.dataclass(frozen=True)
class Action:
    """One action that ran or was found in a cache.

    Attributes:
        mnemonic: its kind, such as `Rustc`.
        label: its target.
        runner: where it ran, such as `linux-sandbox`, `remote` or `remote cache hit`.
        inputs: size of each input by its digest and path.
        outputs: size of each output by its digest and path.
        seconds: its duration.
    """

    mnemonic: str
    label: str
    runner: str
    inputs: dict[tuple[str, str], int]
    outputs: dict[tuple[str, str], int]
    seconds: float

    @property
    def input_bytes(self) -> int:
        """Sum of the inputs' sizes."""
        return sum(self.inputs.values())


def read(path: pathlib.Path) -> Iterator[Action]:
    """Read the file of `--execution_log_json_file`: JSON objects one after the other.

    Raises:
        LogError: the file is not one.
    """
    text = path.read_text("utf-8", "replace")
    decoder = json.JSONDecoder()
    at = 0
    try:
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            value, at = decoder.raw_decode(text, at)
            yield _action(value)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LogError(
            f"is not an execution log: {error!r}", where=str(path), fix="give the file of --execution_log_json_file"
        ) from None


def _action(value: dict[str, Any]) -> Action:
    took = _DURATION.fullmatch(value.get("metrics", {}).get("executionWallTime", "0s"))
    return Action(
        mnemonic=value["mnemonic"],
        label=value.get("targetLabel", ""),
        runner=value["runner"],
        inputs=_files(value.get("inputs", [])),
        outputs=_files(value.get("actualOutputs", [])),
        seconds=float(took[1]) if took else 0.0,
    )


def _files(values: Iterable[dict[str, Any]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for value in values:
        # Links and empty directories have no digest.
        digest = cast(dict[str, str], value.get("digest") or {})
        found[(digest.get("hash", ""), value["path"])] = int(digest.get("sizeBytes", 0))
    return found


def table(actions: Sequence[Action]) -> list[tuple[str, str]]:
    """Return the rows of a table.

    Raises:
        LogError: there is no action.
    """
    if not actions:
        raise LogError("contains no action", fix="build something that is not up to date")
    kinds = collections.Counter(action.mnemonic for action in actions)
    runners = collections.Counter(action.runner for action in actions)
    inputs = {digest: size for action in actions for (digest, _), size in action.inputs.items()}
    outputs = {digest: size for action in actions for (digest, _), size in action.outputs.items()}
    largest = max(actions, key=lambda action: action.input_bytes)
    widest = max(actions, key=lambda action: len(action.inputs))
    longest = max(actions, key=lambda action: action.seconds)
    return [
        ("actions", f"{len(actions)}: {_counted(kinds)}"),
        ("run by", _counted(runners)),
        ("inputs, each counted once", f"{len(inputs)} files, {_bytes(sum(inputs.values()))}"),
        ("inputs, summed over actions", _bytes(sum(action.input_bytes for action in actions))),
        ("largest action by bytes", f"{_named(largest)}, {_bytes(largest.input_bytes)} in {len(largest.inputs)} files"),
        ("largest action by files", f"{_named(widest)}, {len(widest.inputs)} files, {_bytes(widest.input_bytes)}"),
        ("outputs, each counted once", f"{len(outputs)} files, {_bytes(sum(outputs.values()))}"),
        ("longest action", f"{_named(longest)}, {longest.seconds:.0f} s"),
        ("actions in sequence", f"{sum(action.seconds for action in actions):.0f} s"),
    ]


def _counted(counter: collections.Counter[str]) -> str:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {name}" for name, number in ordered)


def _named(action: Action) -> str:
    return f"{action.mnemonic} of {action.label}"


def _bytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
