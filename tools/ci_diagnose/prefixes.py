"""Strip prefixes of CI systems from each line of a log: timestamps, names of jobs, containers and parallel stages.

Patterns recognise timestamps. Every other prefix is recognised by its regularity: most lines of the log begin with it.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence

HEAD = 160
"""Most characters of a prefix."""

_SAMPLE = 1000
"""Number of lines to compare, spread over the log."""

_SHARE = 0.9
"""Share of the lines that must begin with a prefix."""

_LINES_MIN = 3
"""Lines that must begin with a prefix: two lines of one program often begin alike."""

_LEVELS = 4
"""Most prefixes before each other."""

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ZONE = r"(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_STAMP = re.compile(
    "(?:"
    # `gh run view --log` writes job and step before GitHub's own timestamp.
    rf"(?:[^\t\n]{{1,200}}\t[^\t\n]{{1,200}}\t\ufeff?)?\d{{4}}-\d\d-\d\dT{_CLOCK}Z[ \t]?"
    # GitLab: the timestamp, the stream's number and kind, and whether the line continues the previous one.
    r"(?:[0-9a-f]{2}[OE](?:[+ ]|$))?"
    rf"|[\[(]?\d{{4}}[-/]\d\d[-/]\d\d[T ]{_CLOCK}{_ZONE}[\])]?:?(?:[ \t]|$)"
    rf"|[\[(]{_CLOCK}[\])][A-Z]?:?(?:[ \t]|$)"
    rf"|{_CLOCK}(?:  ?|\t|$)"
    rf"|{_MONTH} [ \d]\d {_CLOCK}(?:[ \t]|$)"
    # Seconds or milliseconds since 1970.
    r"|\[?1\d{9}(?:\d{3}|\.\d{1,9})?\]?:?(?:[ \t]|$)"
    # Buildkite, whose escape character some viewers drop.
    r"|_bk;t=\d{10,16}\x07?"
    # BuildKit: number of the step, and its time.
    r"|#\d{1,4} (?:\d{1,6}\.\d{1,3} )?"
    ")"
)

# `[stage] `, `container  | ` or `job<TAB>`, whose names differ from line to line.
_TAG = re.compile(r"(?:\[[^\[\]\n]{1,64}\] |[\w.@/-]{1,64} *\| ?|[\w.@/-]{1,64}\t)")

# Words of the logs themselves: a prefix ends before one of these. Names of tests and kernel timestamps are as regular.
_OWN = re.compile(
    r"(?i:error|fail|fatal|info|warn|note|debug|panic|test|abort|kill|target|executed|passed|traceback|exception)"
    r"|\[ {0,8}\d+\.\d+\]|\[(?:init|module|guest-agent)\]|\[[\d,]+ / [\d,]+\]|//|[=>+]|\bE\b|##|::|---"
)
_NUMBER = re.compile(r"\d+")
_BOUNDARY = re.compile(r"[\s|\])>:](?= ?\S)")


def strip(lines: Sequence[str]) -> list[str]:
    """Return the lines without their prefixes."""
    stripped = [_without_stamps(line) for line in lines]
    for _ in range(_LEVELS):
        pattern = _regular([line for line in _sample(stripped) if line.strip()])
        if pattern is None:
            break
        stripped = [
            _without_stamps(line[match.end() :]) if (match := pattern.match(line)) else line for line in stripped
        ]
    return stripped


def _without_stamps(line: str) -> str:
    for _ in range(_LEVELS):
        match = _STAMP.match(line)
        if not match:
            break
        line = line[match.end() :]
    return line


def _sample(lines: Sequence[str]) -> list[str]:
    filled = [line[:HEAD] for line in lines if line]
    return filled[:: max(1, len(filled) // _SAMPLE)]


def _regular(lines: Sequence[str]) -> re.Pattern[str] | None:
    """Return a pattern of the prefix of most lines, apart from numbers; None if there is no such prefix."""
    least = max(_LINES_MIN, _SHARE * len(lines))
    tagged = [match[0] for line in lines if (match := _TAG.match(line)) and not _OWN.search(match[0])]
    if len(tagged) >= least:
        return _TAG
    counts: collections.Counter[str] = collections.Counter()
    for line in lines:
        own = _OWN.search(line)
        head = line[: own.start()] if own else line
        shape = _NUMBER.sub("0", head)
        # A prefix may end where the line's own words begin; an empty line is all prefix.
        ends = {match.end() for match in _BOUNDARY.finditer(shape)} | {len(shape)}
        counts.update({shape[:end].rstrip(" ") for end in ends} - {""})
    common = max((shape for shape, count in counts.items() if count >= least), key=len, default="")
    # Indentation and single words are not prefixes, and a log of one repeated line has none.
    if not re.search(r"[^\w\s]$|\d", common) or len({line[len(common) :] for line in lines}) < 2:
        return None
    return re.compile(r"\d+".join(map(re.escape, common.split("0"))) + " ?")
