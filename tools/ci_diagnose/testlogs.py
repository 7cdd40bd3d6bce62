"""Read Bazel's result of a test: `test.xml`, beside `test.log` in `bazel-testlogs`."""

from __future__ import annotations

import pathlib
import re

from tools.ci_diagnose.verdict import State

_XML_MAX = 16 << 20
_SUITE = re.compile(rb"<testsuite [^<>]{0,4096}>")
_COUNT = re.compile(rb"\s(?:failures|errors)=\"(\d{1,9})\"")
_END = re.compile(rb"</testsuites?>\s*$|/>\s*(?:</testsuites>)?\s*$")

OUTPUTS = "test.outputs"
"""The directory of a test's output files."""

ATTEMPTS = "test_attempts"
"""The directory of the logs of failed attempts of a flaky test."""


def state(directory: pathlib.Path) -> State | None:
    """Return the result of the test in a directory; None if it has no complete test.xml."""
    try:
        with open(directory / "test.xml", "rb") as file:
            data = file.read(_XML_MAX)
    except OSError:
        return None
    suites = _SUITE.findall(data)
    if not suites or not _END.search(data[-256:]):
        return None
    bad = any(int(count) for suite in suites for count in _COUNT.findall(suite))
    return State.FAILED if bad else State.PASSED


def owner(path: pathlib.Path) -> pathlib.Path | None:
    """Return the directory of the test that owns an output file; None for a log of the test itself."""
    for parent in path.parents:
        if parent.name in (OUTPUTS, ATTEMPTS):
            return parent.parent
    return None
