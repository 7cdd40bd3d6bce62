"""Reads what a run left behind. All of it is hostile input."""

from __future__ import annotations

import collections
import dataclasses
import json
import lzma
import pathlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, cast

from tools.ci_diagnose import events, text
from tools.ci_diagnose.text import LINE, printable
from tools.cli import errors

_LOG_MAX = 64 << 20
"""Bytes of one log that are read; the end of a longer one, where failures stand."""

_TOTAL_MAX = 1 << 30
"""Bytes that one archive may have unpacked: ten thousand logs of full length would be more than a disk holds."""

_LOGS_MAX = 10_000
"""Logs of one input that are read."""

_BLOCK = 1 << 20
_SUFFIXES = (".log", ".txt", "console")
_EVENT_SUFFIXES = (".json", ".ndjson", ".jsonl")
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
        running: whether it is of a job that has not ended.
    """

    name: str
    lines: tuple[str, ...]
    failed: bool
    running: bool = False


def read(path: str) -> Iterator[Log]:
    """Yields the logs of an input; see README.md for what that may be.

    Raises:
        LogError: there is no such input, it is damaged, or it has more than is read.
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
        if file.suffix in _EVENT_SUFFIXES and data.lstrip()[:1] == b"{":
            yield from _json(data, path)
        else:
            yield from _logs(path, data)


def _logs(name: str, data: bytes) -> Iterator[Log]:
    """Yields the parts of a log: of a build's, the output of each test is one."""
    for part in text.parts(_one_line(name), printable(data)):
        yield Log(part.name, part.lines, part.failed)


def _folder(folder: pathlib.Path) -> Iterator[Log]:
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(_SUFFIXES) and path.is_file():
            count += 1
            if count > _LOGS_MAX:
                raise LogError(f"has more than {_LOGS_MAX} logs", where=str(folder), fix="name a part of it")
            with open(path, "rb") as stream:
                stream.seek(max(0, path.stat().st_size - _LOG_MAX))
                yield from _logs(str(path.relative_to(folder)), stream.read(_LOG_MAX))


def _archive(file: pathlib.Path) -> Iterator[Log]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(_SUFFIXES)]
            # GitHub's archives have each job's log, and beside it a folder with the same by step.
            jobs = {_job(info.filename) for info in members if "/" not in info.filename}
            members = [info for info in members if "/" not in info.filename or _job(info.filename) not in jobs]
            if len(members) > _LOGS_MAX:
                raise LogError(f"has more than {_LOGS_MAX} logs", where=str(file))
            left = _TOTAL_MAX
            for info in members:
                with archive.open(info) as stream:
                    data, size = _tail(stream, left)
                left -= size
                if left <= 0:
                    raise LogError(
                        f"has more than {_TOTAL_MAX} bytes of logs", where=str(file), fix="unpack a part of it"
                    )
                yield from _logs(info.filename, data)
    except (
        zipfile.BadZipFile,
        lzma.LZMAError,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise LogError(f"is no zip archive, or damaged: {error}", where=str(file)) from None


def _job(member: str) -> str:
    """Names the job of a log in GitHub's archive: `0_boot.txt` and `boot/1_Test.txt` are both of `boot`."""
    top, slash, _ = member.partition("/")
    return top if slash else re.sub(r"^\d+_|\.txt$", "", top)


def _tail(stream: IO[bytes], limit: int) -> tuple[bytes, int]:
    """Returns the end of a stream and its size. What it says of its size itself is not believed."""
    blocks: collections.deque[bytes] = collections.deque(maxlen=_LOG_MAX // _BLOCK + 1)
    size = 0
    while size < limit and (data := stream.read(_BLOCK)):
        size += len(data)
        blocks.append(data)
    return b"".join(blocks)[-_LOG_MAX:], size


def _json(data: bytes, path: str) -> Iterator[Log]:
    """Reads `gh run view --json`, or a build event file, which has an object a line."""
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        found = events.read(data)
        if found is None:
            yield from _logs(path, data)
            return
        yield from _events(found, path)
        return
    if "id" in value and "jobs" not in value:
        yield from _events(events.Events.of([value]), path)
        return
    yield from _run(value, path)


def _events(found: events.Events, path: str) -> Iterator[Log]:
    shown: set[str] = set()
    for log in _logs(path, found.output.encode("utf-8", "replace")):
        shown.add(log.name)
        yield log
    for failure in found.failures[:_LOGS_MAX]:
        # Its output, if it was printed, says more.
        if failure.label not in shown:
            shown.add(failure.label)
            lines = [line[:LINE] for line in printable(failure.message.encode("utf-8", "replace")).split("\n")]
            yield Log(_one_line(failure.label), tuple(lines), True)


def _run(value: Any, path: str) -> Iterator[Log]:
    jobs: Any = value.get("jobs")
    if not isinstance(jobs, list):
        raise LogError("has no list `jobs`", where=path, fix="make it with: gh run view ID --json jobs")
    for job in cast(list[Any], jobs):
        if not isinstance(job, dict):
            raise LogError("has a job that is no object", where=path)
        fields = cast(dict[str, Any], job)
        listed: Any = fields.get("steps")
        steps = cast(list[Any], listed) if isinstance(listed, list) else []
        lines = [
            f"step {step.get('name')}: {step.get('conclusion')}"
            for step in (cast(dict[str, Any], step) for step in steps if isinstance(step, dict))
            if step.get("conclusion") in _BAD_CONCLUSIONS
        ]
        running = fields.get("status", "completed") != "completed"
        failed = fields.get("conclusion") in _BAD_CONCLUSIONS
        yield Log(_one_line(str(fields.get("name"))), tuple(_one_line(line) for line in lines), failed, running)


def _one_line(name: str) -> str:
    return printable(name.encode("utf-8", "replace")).replace("\n", " ")
