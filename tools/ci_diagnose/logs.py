"""Reads what a run left behind. All of it is hostile input."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import zipfile
from collections.abc import Iterator
from typing import Any, cast

from tools.cli import errors

_LOG_MAX = 64 << 20
"""Bytes of one log that are read; the end of a longer one, where failures stand."""

_LOGS_MAX = 10_000
"""Logs of one input that are read."""

_SUFFIXES = (".log", ".txt", "console")
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
_FAILED = re.compile(
    r"^(//\S+ +(FAILED|TIMEOUT|NO STATUS)|ERROR: |FAIL(ED)?[: ])|Kernel panic|\[init\] (ERROR|execv failed)|##\[error\]"
    r"|^=+ .*\d+ (failed|error)",
    re.MULTILINE,
)
_BAD_CONCLUSIONS = {"failure", "timed_out", "startup_failure", "action_required"}


class LogError(errors.InputError):
    """An input that is none of what can be read."""


@dataclasses.dataclass(frozen=True)
class Log:
    """A log, or a job without one.

    Attributes:
        name: what it is of.
        lines: its lines, safe to print.
        failed: whether it tells a failure.
    """

    name: str
    lines: tuple[str, ...]
    failed: bool


def printable(data: bytes) -> str:
    """Makes log output safe to print: escape sequences, control and direction-changing characters are dropped."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return _CONTROL.sub("", _ESCAPES.sub("", text))


def read(path: str) -> Iterator[Log]:
    """Yields the logs of an input; see README.md for what that may be.

    Raises:
        LogError: there is no such input, it is damaged, or it has more logs than are read.
    """
    file = pathlib.Path(path)
    if file.is_dir():
        yield from _folder(file)
    elif not file.is_file():
        raise LogError("is neither a file nor a folder", where=path)
    elif file.suffix == ".zip":
        yield from _archive(file)
    else:
        with open(file, "rb") as stream:
            stream.seek(max(0, file.stat().st_size - _LOG_MAX))
            data = stream.read(_LOG_MAX)
        yield from _run(data, path) if file.suffix == ".json" and data.lstrip()[:1] == b"{" else [_log(path, data)]


def _log(name: str, data: bytes) -> Log:
    text = printable(data)
    return Log(printable(name.encode("utf-8", "replace")), tuple(text.split("\n")), bool(_FAILED.search(text)))


def _folder(folder: pathlib.Path) -> Iterator[Log]:
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(_SUFFIXES) and path.is_file():
            count += 1
            if count > _LOGS_MAX:
                raise LogError(f"has more than {_LOGS_MAX} logs", where=str(folder), fix="name a part of it")
            with open(path, "rb") as stream:
                stream.seek(max(0, path.stat().st_size - _LOG_MAX))
                yield _log(str(path.relative_to(folder)), stream.read(_LOG_MAX))


def _archive(file: pathlib.Path) -> Iterator[Log]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(_SUFFIXES)]
            if len(members) > _LOGS_MAX:
                raise LogError(f"has more than {_LOGS_MAX} logs", where=str(file))
            for info in members:
                # What a member says of its size is not believed: no more is unpacked than is read.
                with archive.open(info) as stream:
                    yield _log(info.filename, stream.read(_LOG_MAX))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise LogError(f"is no zip archive, or damaged: {error}", where=str(file)) from None


def _run(data: bytes, path: str) -> Iterator[Log]:
    """Reads `gh run view --json`; a build event file, which has an object a line, is a log."""
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        yield _log(path, data)
        return
    jobs: Any = value.get("jobs")
    if not isinstance(jobs, list):
        raise LogError("has no list `jobs`", where=path, fix="make it with: gh run view ID --json jobs")
    for job in cast(list[Any], jobs):
        if not isinstance(job, dict):
            raise LogError("has a job that is no object", where=path)
        fields = cast(dict[str, Any], job)
        listed = cast(list[Any], fields.get("steps") or [])
        steps = [cast(dict[str, Any], step) for step in listed if isinstance(step, dict)]
        lines = [
            f"step {step.get('name')}: {step.get('conclusion')}"
            for step in steps
            if step.get("conclusion") in _BAD_CONCLUSIONS
        ]
        shown = tuple(printable(line.encode("utf-8", "replace")).replace("\n", " ") for line in lines)
        name = printable(str(fields.get("name")).encode("utf-8", "replace")).replace("\n", " ")
        yield Log(name, shown, fields.get("conclusion") in _BAD_CONCLUSIONS)
