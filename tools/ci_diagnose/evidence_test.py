"""A success needs evidence: successful, failed and unclear logs."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pathlib
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.ci_diagnose import causes, logs, report, streams
from tools.ci_diagnose.verdict import State

_PYTEST = "= test session starts =\nERROR: on purpose\n===== 5 passed, 1 skipped in 0.12s =====\n"
_BAZEL = "INFO: Invocation ID: 1\nERROR: on purpose\nINFO: Build completed successfully, 2 total actions\n"
_ERROR = (
    "ERROR: /w/BUILD.bazel:3:8: Executing genrule //:x failed: (Exit 1): bash failed: error executing Genrule command "
    "(from target //:x) /bin/bash -c make\n\nUse --sandbox_debug to see verbose messages\nx.c: boom\n"
    "Target //:x failed to build\nERROR: Build did NOT complete successfully\n"
)


def _of(log: str | bytes) -> list[logs.Log]:
    data = log if isinstance(log, bytes) else log.encode()
    return [*logs.of_data("log", streams.Tail(data, len(data)))]


def _name(log: str | bytes) -> str:
    found = report.failures(_of(log))
    return found[0].finding.name if found else "passed"


@pytest.mark.parametrize(
    "log",
    [
        _PYTEST,
        _BAZEL,
        "5 passed in 0.12s\n",
        f"{_PYTEST}{_BAZEL}//a PASSED in 1s\n\nExecuted 1 out of 1 test: 1 test passes.\n",
        "running 2 tests\nthread 'x' panicked at a.rs:1:1:\ntest result: ok. 2 passed; 0 failed; 0 ignored\n",
        "Ran 3 tests in 0.1s\n\nOK\n",
        "=== RUN TestX\nERROR: x\nok  \texample.org/x\t0.1s\n",
        "Running with gitlab-runner 17\nERROR: retried\nCleaning up project directory\nJob succeeded\n",
        "Started by user x\nFinished: SUCCESS\n",
        "Current runner version: '2'\nhello\nCleaning up orphan processes\nTerminate orphan process: pid (1) (java)\n",
        "Linux version 6\n[guest-agent] ready\n[    9.0] reboot: Power down\n",
    ],
)
def test_successful_run_is_recognised(log: str) -> None:
    assert _name(log) == "passed"


@pytest.mark.parametrize(
    "log",
    [
        "",
        "hello\n",
        "//a PASSED in 1s\n",
        f"{_BAZEL}INFO: Running command line: bazel-bin/x\n",
        f"{_PYTEST}= test session starts =\ncollected 5 items\n",
        f"{_BAZEL}INFO: Invocation ID: 2\n",
        f"{_PYTEST}Linux version 6\n",
        "Linux version 6\n[guest-agent] ready\n",
        "OK\n",
        "Cleaning up orphan processes\n",
    ],
)
def test_log_without_an_end_is_unclear(log: str) -> None:
    assert _name(log) == "cannot_tell"


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (_PYTEST + _ERROR, "failed_action"),
        (_BAZEL + _ERROR, "failed_action"),
        (_ERROR + _PYTEST, "failed_action"),
        (_ERROR + "5 passed in 0.1s\n", "failed_action"),
        (_PYTEST + "FAILED t.py::test_x - assert 1\n==== 1 failed, 2 passed in 0.20s ====\n", "test_failed"),
        (_PYTEST + "[    1.0] Kernel panic - not syncing: VFS: no root\n", "kernel_panic_other"),
        (_PYTEST + "x\rLoading: 1\rERROR: /w/BUILD:3:8: Executing genrule //:x failed\n", "failed_action"),
        ("\ufeff" + _ERROR, "failed_action"),
        (("\ufeff" + _ERROR).encode("utf-16-le"), "failed_action"),
        (_ERROR.encode("utf-16-le"), "failed_action"),
        (("\ufeff" + _ERROR).encode("utf-16-be"), "failed_action"),
        ("\x1b]0;title without end\nERROR: x: No space left on device\n", "disk_full"),
        ("Current runner version: '2'\n##[error]boom\nCleaning up orphan processes\n", "workflow_error"),
    ],
)
def test_failure_is_not_hidden(log: str | bytes, cause: str) -> None:
    assert _name(log) == cause


def test_failed_action_is_reported_completely() -> None:
    (failure,) = report.failures(_of(_ERROR))
    assert failure.finding.cause == (
        "the action of //:x (Genrule) failed: (Exit 1): bash failed; it ran: /bin/bash -c make"
    )
    assert failure.finding.details == ("x.c: boom",)
    verbose = _ERROR.replace(" /bin/bash -c make", "\n  (cd /w && \\\n  exec env - \\\n  /bin/bash -c make)")
    (failure,) = report.failures(_of(verbose.replace("boom", "No space left on device")))
    assert (failure.finding.name, "exec env -" in failure.within) == ("disk_full", True)
    assert "in: the action of //:x (Genrule)" in report.plain([failure], colour=False)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "bazel_out_of_memory"),
        ("Server terminated abruptly (error code: 14, error message: 'Socket closed')", "bazel_server_died"),
        ("FATAL: bazel crashed due to an internal error. Printing stack trace:", "bazel_crash"),
        ("The self-hosted runner: x lost communication with the server.", "runner_lost"),
        ("ERROR: Job failed (system failure): runner system failure", "runner_lost"),
        ("##[error]The job running on runner x has exceeded the maximum execution time of 360 minutes.", "job_timeout"),
        ("##[error]The operation was canceled.", "job_cancelled"),
        ("Finished: ABORTED", "job_cancelled"),
        ("/bin/sh: line 1: 1234 Killed                  make", "killed"),
        ("error[E0308]: mismatched types", "rust_compile"),
        ("error: could not compile `x` (lib) due to 1 previous error", "rust_crate"),
        ("src/a.c:3:5: error: expected ';'", "compile"),
        ("x.o: undefined reference to `f'", "link"),
        ("Error downloading [https://example.org/x] to /y: GET returned 404 Not Found", "fetch"),
        ("ERROR: no such package 'a/b': BUILD file not found", "no_such_target"),
        ("ERROR: target '//a' is not visible from target '//b'", "visibility"),
        ("thread 'main' panicked at src/main.rs:1:1:", "rust_panic"),
        ("Segmentation fault (core dumped)", "crash"),
        ("test a::b ... FAILED", "test_case_failed"),
        ("--- FAIL: TestX (0.00s)", "test_case_failed"),
        ("E   assert 1 == 2", "assertion"),
        ("Traceback (most recent call last):", "python_exception"),
        ("/bin/sh: 1: foo: not found", "program_missing"),
        ("cp: cannot create regular file 'x': Permission denied", "permission"),
        ("//a:b    FAILED in 3 out of 3 in 1.2s", "failed_test"),
        ("//a:b    FAILED TO BUILD", "failed_to_build"),
        ("error: couldn't read `a.js`: No such file or directory (os error 2)", "error"),
        ("make[1]: *** [Makefile:3: all] Error 2", "make"),
        ("::error file=a.py,line=1::boom", "workflow_error"),
        ("##[error]Process completed with exit code 1.", "exit_code"),
        ("ERROR: Build did NOT complete successfully", "build_failed"),
    ],
)
def test_common_failure_has_its_cause(line: str, name: str) -> None:
    (finding,) = causes.find([line])
    assert finding.name == name
    assert _name(f"{_BAZEL}{line}\n") == name


def test_traceback_is_reported_with_exception_and_place() -> None:
    frames = '  File "a.py", line 1, in <module>\n    f()\n  File "b.py", line 2, in f\n'
    log = f"Traceback (most recent call last):\n{frames}x.Y: z\n"
    (failure,) = report.failures(_of(log))
    assert failure.finding.cause.endswith("x.Y: z")
    assert failure.finding.details == ('File "b.py", line 2, in f',)


def test_flaky_test_is_noted() -> None:
    log = "//a:b    FLAKY, failed in 1 out of 2 in 1.2s\nExecuted 1 out of 1 test: 1 test passes.\n"
    read = _of(log)
    assert report.failures(read) == []
    assert report.notes(read) == ["log: flaky: //a:b failed in 1 out of 2 in 1.2s"]


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


@pytest.mark.parametrize("suffix", _PACKERS)
def test_compressed_log_is_read(tmp_path: pathlib.Path, suffix: str) -> None:
    pack, path = _PACKERS[suffix], tmp_path / f"build.log.{suffix}"
    path.write_bytes(pack(_BAZEL.encode()) + pack(_ERROR.encode()))
    assert [failure.finding.name for failure in report.failures([*logs.read(str(tmp_path))])] == ["failed_action"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(path, f"job\\build.log.{suffix}")
    (log,) = logs.read(str(tmp_path / "x.zip"))
    assert (log.name, log.state) == (f"job/build.log.{suffix}", State.FAILED)
    # The missing part of a truncated stream may contain a failure.
    whole = pack(_BAZEL.encode())
    path.write_bytes(whole + pack(b"x" * 99)[:9])
    (log,) = logs.read(str(path))
    assert (log.state, "damaged, or cut" in log.notes[0]) == (State.UNCLEAR, True)


@pytest.mark.parametrize("suffix", _PACKERS)
def test_compressed_log_is_unpacked_in_small_steps(suffix: str) -> None:
    packed = _PACKERS[suffix](bytes(40 << 20))
    assert streams.of_stream(io.BytesIO(packed), 1 << 20).size <= 33 << 20


@settings(deadline=None)
@given(st.binary(max_size=64), st.sampled_from(sorted(_PACKERS)))
def test_any_bytes_are_read_or_rejected(data: bytes, suffix: str) -> None:
    for log in (data, _PACKERS[suffix](_BAZEL.encode())[:40] + data):
        assert report.failures([*logs.of_data("x", streams.Tail(log, len(log)))])


def _job(**fields: object) -> dict[str, object]:
    return {"name": "a", "status": "completed", "steps": [], **fields}


@pytest.mark.parametrize(
    ("job", "name"),
    [
        (_job(conclusion="cancelled"), "job_cancelled"),
        (_job(conclusion="timed_out"), "job_timeout"),
        (_job(conclusion="failure"), "step_failed"),
        (_job(conclusion="stale"), "step_failed"),
        (_job(conclusion=None), "cannot_tell"),
        (_job(conclusion="success"), "passed"),
    ],
)
def test_jobs_of_a_run_with_a_byte_order_mark(tmp_path: pathlib.Path, job: dict[str, object], name: str) -> None:
    (tmp_path / "run.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"jobs": [job]}).encode())
    found = report.failures([*logs.read(str(tmp_path / "run.json"))])
    assert (found[0].finding.name if found else "passed") == name


@pytest.mark.parametrize(
    ("exit_code", "name"), [({"name": "SUCCESS"}, "passed"), ({"name": "OOM_ERROR"}, "unknown"), (None, "cannot_tell")]
)
def test_last_build_event_decides(tmp_path: pathlib.Path, exit_code: object, name: str) -> None:
    lines: list[object] = [{"id": {"started": {}}}, {"id": {"progress": {}}, "progress": {"stderr": "hello"}}]
    if exit_code:
        lines.append({"id": {"buildFinished": {}}, "finished": {"exitCode": exit_code}})
    (tmp_path / "e.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = report.failures([*logs.read(str(tmp_path / "e.json"))])
    assert (found[0].finding.name if found else "passed") == name


def _testlogs(directory: pathlib.Path, failures: int) -> None:
    (directory / "test.outputs").mkdir(parents=True)
    (directory / "test.log").write_text("hello\n")
    (directory / "test.outputs/x.console").write_text("[init] ERROR: no root disk\n")
    (directory / "test.xml").write_text(
        f'<testsuites>\n<testsuite name="a" failures="{failures}" errors="0">\n</testsuite>\n</testsuites>\n'
    )


def test_outputs_of_a_passed_test_are_not_failures(tmp_path: pathlib.Path) -> None:
    _testlogs(tmp_path / "a", 0)
    read = [*logs.read(str(tmp_path))]
    assert [(log.name, log.state) for log in read] == [("a/test.log", State.PASSED)]
    _testlogs(tmp_path / "b", 1)
    found = report.failures([*logs.read(str(tmp_path))])
    assert [(failure.log, failure.finding.name) for failure in found] == [
        ("b/test.log", "unknown"),
        ("b/test.outputs/x.console", "no_root_disk"),
    ]


def test_input_without_logs_is_unclear(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").mkdir()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("test.xml", "<x/>")
    for path in ("x", "x.zip"):
        (failure,) = report.failures([*logs.read(str(tmp_path / path))])
        assert "contains no logs" in failure.finding.cause
