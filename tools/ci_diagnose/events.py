"""Read a build event file of Bazel (`--build_event_json_file`): one object per line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, TypeGuard

_GOOD_STATUSES = {"PASSED", "FLAKY"}


@dataclasses.dataclass(frozen=True)
class Failed:
    """A target that failed.

    Attributes:
        label: the target.
        message: Bazel's message about it.
    """

    label: str
    message: str


@dataclasses.dataclass(frozen=True)
class Events:
    """The content of a build event file.

    Attributes:
        output: the build's output.
        failures: targets that failed.
        succeeded: the result of the build; None if its last event is missing.
        exit: name of its exit code.
    """

    output: str
    failures: Sequence[Failed]
    succeeded: bool | None = None
    exit: str = ""

    @classmethod
    def of(cls, values: Sequence[Any]) -> Events:
        """Collect the content of the events."""
        output: list[str] = []
        failures: dict[str, Failed] = {}
        succeeded: bool | None = None
        name = ""
        for value in values:
            progress = value.get("progress")
            if _is_object(progress):
                output += [_text(progress, "stdout"), _text(progress, "stderr")]
            failed = _failure(value)
            if failed:
                failures.setdefault(failed.label, failed)
            finished = value.get("finished")
            if _is_object(finished):
                code = finished.get("exitCode")
                name = _text(code, "name") if _is_object(code) else ""
                succeeded = name == "SUCCESS"
        return cls("".join(output), list(failures.values()), succeeded, name)


def read(content: str) -> Events | None:
    """Read the events of a file, or return None if it is not such a file.

    Reading stops at a line that is not an object: a killed build leaves half a line.
    """
    values: list[Any] = []
    for line in content.split("\n"):
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not _is_object(value) or not _is_object(value.get("id")):
            break
        values.append(value)
    return Events.of(values) if values else None


def _failure(value: dict[str, Any]) -> Failed | None:
    identity = value.get("id")
    if not _is_object(identity):
        return None
    # The kind of the event, and its label.
    kind, subject = next(iter(identity.items()), ("", None))
    label = _text(subject, "label") if _is_object(subject) else ""
    body = value.get(kind if kind != "actionCompleted" else "action")
    aborted = value.get("aborted")
    if _is_object(aborted):
        # Targets that Bazel skipped after a failure did not fail themselves.
        reason = _text(aborted, "reason")
        if reason in ("SKIPPED", "NO_BUILD", "INCOMPLETE", "USER_INTERRUPTED"):
            return None
        return Failed(label or kind, f"ERROR: {reason}: {_text(aborted, 'description')}")
    if not _is_object(body):
        return None
    if kind in ("testResult", "testSummary"):
        status = _text(body, "status") or _text(body, "overallStatus")
        return Failed(label, f"test status {status}") if status and status not in _GOOD_STATUSES else None
    if kind == "actionCompleted" and not body.get("success"):
        detail = body.get("failureDetail")
        message = _text(detail, "message") if _is_object(detail) else ""
        return Failed(label, f"ERROR: action {_text(body, 'type')} failed: {message}")
    return None


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
