"""Read the logs of a run. All of them are hostile input."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import zipfile
from collections.abc import Iterator
from typing import Any, cast

from tools.ci_diagnose import events, streams, testlogs, text
from tools.ci_diagnose.text import LINE, Log, printable
from tools.ci_diagnose.verdict import State
from tools.cli import errors

_LOGS_MAX = 10_000
"""Most logs to read of one input."""

_SUFFIXES = (".log", ".txt", ".out", ".err", "console", "stdout", "stderr")
_EVENT_SUFFIXES = (".json", ".ndjson", ".jsonl")
_GOOD_CONCLUSIONS = {"success", "skipped", "neutral"}


class LogError(errors.InputError):
    """An input that cannot be read."""


def read(path: str) -> Iterator[Log]:
    """Yield the logs of an input; see README.md for the kinds.

    Raises:
        LogError: there is no such input, or it is damaged or too large.
    """
    file = pathlib.Path(path)
    if file.is_dir():
        yield from _directory(file)
    elif not file.is_file():
        raise LogError("is neither a file nor a directory", where=path)
    elif file.suffix == ".zip":
        yield from _archive(file)
    else:
        tail = streams.of_file(file)
        if _plain_name(file.name).endswith(_EVENT_SUFFIXES) and text.decode(tail.data).lstrip()[:1] == "{":
            yield from _json(tail, path)
        else:
            yield from of_data(path, tail)


def of_data(name: str, tail: streams.Tail, known: State | None = None) -> Iterator[Log]:
    """Yield the parts of a log: for a build's log, the output of each test is one.

    Args:
        name: name of the log.
        tail: its end.
        known: the result of the run, if it is known from elsewhere.
    """
    notes = (tail.damage,) if tail.damage else ()
    if tail.cut:
        notes += (f"only the last {streams.LOG_MAX >> 20} MiB were read",)
    *tests, rest = text.parts(_one_line(name), printable(text.decode(tail.data)))
    yield from tests
    state, saw = rest.state, rest.saw
    if known is not None and state != State.TOLD:
        state = known
    elif tail.damage and state == State.PASSED:
        state, saw = State.UNCLEAR, tail.damage
    yield dataclasses.replace(rest, state=state, saw=saw, notes=notes + rest.notes)


def _plain_name(name: str) -> str:
    for suffix in streams.SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _is_log(name: str) -> bool:
    return _plain_name(name).endswith(_SUFFIXES)


def _directory(directory: pathlib.Path) -> Iterator[Log]:
    paths = [path for path in sorted(directory.rglob("*")) if _is_log(path.name) and path.is_file()]
    if len(paths) > _LOGS_MAX:
        raise LogError(f"has more than {_LOGS_MAX} logs", where=str(directory), fix="pass a part of it")
    if not paths:
        yield _without_logs(str(directory))
    for path in paths:
        name = str(path.relative_to(directory))
        owner = testlogs.owner(path.relative_to(directory))
        if owner is None:
            yield from of_data(name, streams.of_file(path), testlogs.state(path.parent))
        elif testlogs.state(directory / owner) == State.PASSED:
            # A test that passes may break things on purpose; its files show that.
            if testlogs.ATTEMPTS in path.parts:
                yield Log(_one_line(name), (), State.PASSED, notes=(f"flaky: {owner} failed before it passed",))
        else:
            yield from of_data(name, streams.of_file(path))


def _without_logs(name: str) -> Log:
    names = ", ".join(f"*{suffix}" for suffix in _SUFFIXES)
    return Log(_one_line(name), (), State.UNCLEAR, f"it contains no logs ({names})")


def _archive(file: pathlib.Path) -> Iterator[Log]:
    try:
        with zipfile.ZipFile(file) as archive:
            # Some tools of Windows write `\`.
            members = [
                (info, info.filename.replace("\\", "/")) for info in archive.infolist() if _is_log(info.filename)
            ]
            # GitHub's archives have each job's log, and a directory with the same by step.
            jobs = {_job(name) for _, name in members if "/" not in name}
            members = [(info, name) for info, name in members if "/" not in name or _job(name) not in jobs]
            if len(members) > _LOGS_MAX:
                raise LogError(f"has more than {_LOGS_MAX} logs", where=str(file))
            if not members:
                yield _without_logs(str(file))
            left = streams.TOTAL_MAX
            for info, name in members:
                with archive.open(info) as stream:
                    tail = streams.of_stream(stream, left)
                left -= tail.size
                if left <= 0:
                    raise LogError(
                        f"has more than {streams.TOTAL_MAX} bytes of logs", where=str(file), fix="unpack a part of it"
                    )
                yield from of_data(name, tail)
    except (*streams.ERRORS, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise LogError(f"is not a zip archive, or damaged: {error}", where=str(file)) from None


def _job(member: str) -> str:
    """Return the job of a log in GitHub's archive: `boot` for both `0_boot.txt` and `boot/1_Test.txt`."""
    top, slash, _ = member.partition("/")
    return top if slash else re.sub(r"^\d+_|\.txt$", "", top)


def _json(tail: streams.Tail, path: str) -> Iterator[Log]:
    """Read `gh run view --json`, or a build event file, which has one object per line."""
    content = text.decode(tail.data)
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        found = events.read(content)
        if found is None:
            yield from of_data(path, tail)
            return
        yield from _events(found, path)
        return
    if "id" in value and "jobs" not in value:
        yield from _events(events.Events.of([value]), path)
        return
    yield from _run(value, path)


def _events(found: events.Events, path: str) -> Iterator[Log]:
    shown: set[str] = set()
    known = {True: State.PASSED, False: None, None: None}[found.succeeded]
    output = found.output.encode("utf-8", "replace")
    failed = False
    rest: Log | None = None
    for log in of_data(path, streams.Tail(output, len(output)), known):
        failed |= log.state in (State.FAILED, State.TOLD)
        shown.add(log.name)
        # The rest of the output comes last: its relevance depends on the other failures.
        if rest:
            yield rest
        rest = log
    failures = [failure for failure in found.failures[:_LOGS_MAX] if failure.label not in shown]
    if rest and (failed or not failures or rest.state not in (State.UNCLEAR, State.PASSED)):
        if rest.state == State.UNCLEAR and not failed:
            rest = dataclasses.replace(rest, **_end(found))
        yield rest
    for failure in failures:
        # Its output, if it was printed, has more information.
        if failure.label not in shown:
            shown.add(failure.label)
            lines = [line[:LINE] for line in printable(failure.message).split("\n")]
            yield Log(_one_line(failure.label), tuple(lines), State.FAILED)


def _end(found: events.Events) -> dict[str, Any]:
    """Return the information in the last event of a build without another failure."""
    if found.succeeded is None:
        return {"saw": "the build's last event is missing"}
    return {"state": State.FAILED, "lines": (_one_line(f"ERROR: the build ended with {found.exit}"),)}


def _run(value: Any, path: str) -> Iterator[Log]:
    jobs: Any = value.get("jobs")
    if not isinstance(jobs, list):
        raise LogError("has no list `jobs`", where=path, fix="create it with: gh run view ID --json jobs")
    for job in cast(list[Any], jobs):
        if not isinstance(job, dict):
            raise LogError("has a job that is not an object", where=path)
        yield _of_job(cast(dict[str, Any], job))
    if not jobs:
        yield Log(_one_line(path), (), State.UNCLEAR, "it has no jobs")


def _of_job(fields: dict[str, Any]) -> Log:
    listed: Any = fields.get("steps")
    steps = cast(list[Any], listed) if isinstance(listed, list) else []
    conclusion: Any = fields.get("conclusion")
    name = _one_line(str(fields.get("name")))
    if fields.get("status", "completed") != "completed":
        return Log(name, (), State.RUNNING)
    if not isinstance(conclusion, str) or not conclusion:
        return Log(name, (), State.UNCLEAR, "the job has no conclusion")
    if conclusion in _GOOD_CONCLUSIONS:
        return Log(name, (), State.PASSED)
    lines = [
        f"step {step.get('name')}: {step.get('conclusion')}"
        for step in (cast(dict[str, Any], step) for step in steps if isinstance(step, dict))
        if step.get("conclusion") and step.get("conclusion") not in _GOOD_CONCLUSIONS
    ]
    return Log(name, tuple(_one_line(line) for line in lines or [f"job: {conclusion}"]), State.FAILED)


def _one_line(name: str) -> str:
    return printable(name).replace("\n", " ")
