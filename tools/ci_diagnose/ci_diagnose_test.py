"""Diagnoses, on real consoles and on made-up logs."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import zipfile

import pytest

from tools.ci_diagnose import causes, logs, report, streams
from tools.ci_diagnose.corpus_testing import CORPUS, EXPECTED
from tools.ci_diagnose.verdict import State
from tools.cli import errors

_PANIC = "Kernel panic - not syncing: Attempted to kill init! exitcode="


def _diagnose(path: pathlib.Path) -> list[report.Failure]:
    return report.failures(list(logs.read(str(path))))


@pytest.mark.parametrize(("name", "cause"), sorted(EXPECTED.items()))
def test_corpus_log_has_its_diagnosis(name: str, cause: str) -> None:
    (path,) = CORPUS.glob(f"{name}.*")
    (failure,) = _diagnose(path)
    assert failure.finding.name == cause
    assert failure.finding.step


def test_every_corpus_log_has_an_expectation() -> None:
    assert {path.stem for path in CORPUS.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00006500", "kernel_panic", "exit code 101"),
        (
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
            "kernel_panic",
            "signal 11 (SIGSEGV)",
        ),
        ("Kernel panic - not syncing: VFS: Unable to mount root fs", "kernel_panic_other", "VFS"),
        ("[module] ext4.ko: errno=8", "module_not_loaded", "ext4"),
        ("[ 9.1] Out of memory: Killed process 77 (python3) total-vm:1kB", "out_of_memory", "memory"),
        ("[init] zram: cannot size it: errno=12", "zram_failed", "errno 12"),
        (
            "[guest-agent] zram: cannot size it: Cannot allocate memory (os error 12)",
            "zram_failed",
            "errno 12",
        ),
        ("[module] zram.ko: errno=8", "zram_failed", "errno 8"),
        ("curl: (6) Could not resolve host: example.org", "names_not_resolved", "DNS"),
        ("[guest-agent] cannot set up eth0: up: busy", "network_failed", "eth0: up: busy"),
        ("E   AssertionError: a.qcow2 has 5,000 bytes, 1,000 over its budget: leave", "size_budget", "a.qcow2"),
        ("-- Test timed out at 2026-01-01 00:00:00 UTC --", "test_timeout", "timeout"),
        ("VmBootTimeoutError: Guest agent not ready after 30s", "agent_timeout", "in time"),
        ("elfcheck: x: is of machine EM_X86_64, not EM_AARCH64 (aarch64)", "wrong_architecture", "EM_AARCH64"),
        (
            "Error in fail: Cannot download Debian package x 1 (amd64), which the lock pins. Tried: …",
            "download_changed",
            "lock",
        ),
    ],
)
def test_line_has_its_cause(line: str, name: str, words: str) -> None:
    (finding,) = causes.find([line])
    assert finding.name == name
    assert words in finding.cause


def test_explaining_cause_comes_first(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "test.log"
    log.write_text(
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00006500\n[init] execv failed: errno=8\n"
    )
    (failure,) = _diagnose(log)
    assert failure.finding.name == "agent_wrong_architecture"
    assert failure.also == ("kernel_panic",)


def test_unknown_failure_is_reported_with_its_first_error(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "test.log"
    log.write_text("INFO: no error yet\n\nERROR: the sky fell\nERROR: and more\n")
    (failure,) = _diagnose(log)
    assert (failure.finding.name, failure.finding.line, failure.finding.text) == ("unknown", 3, "ERROR: the sky fell")


def test_successful_run_is_not_a_failure(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "test.log"
    log.write_text("//tests:x  PASSED in 1.0s\n\nExecuted 1 out of 1 test: 1 test passes.\n")
    assert _diagnose(log) == []


def test_control_characters_are_never_printed(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "evil.log"
    log.write_bytes(b"[init] ERROR: \x1b]0;title\x07\x1b[2Jgone\r\x00\xe2\x80\xae\xc2\x9b31m\n")
    text = report.plain(_diagnose(log), colour=False)
    assert "gone" in text
    assert all(char.isprintable() or char == "\n" for char in text)


def _zip(path: pathlib.Path, **members: str) -> pathlib.Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def _names(failures: list[report.Failure]) -> list[tuple[str, str]]:
    return [(failure.log, failure.finding.name) for failure in failures]


_NO_DISK = "[init] ERROR: no root disk after 10 s: \n"


def test_archive_of_a_run_is_read(tmp_path: pathlib.Path) -> None:
    path = _zip(tmp_path / "logs.zip", **{"build/1_test.txt": _NO_DISK, "build/2_ok.txt": "fine\n"})
    assert _names(_diagnose(path)) == [("build/1_test.txt", "no_root_disk")]


def test_each_job_of_an_archive_is_reported_once(tmp_path: pathlib.Path) -> None:
    """GitHub's archive has a job's whole log, and a directory with the same by step."""
    stamp = "\ufeff2026-11-25T14:00:00.1234567Z "
    path = _zip(
        tmp_path / "logs.zip",
        **{"0_boot.txt": f"{stamp}//tests:x   FAILED in 1.0s\n{stamp}{_NO_DISK}", "boot/3_Test.txt": _NO_DISK},
    )
    assert _names(_diagnose(path)) == [("0_boot.txt", "no_root_disk")]


def test_gh_prefixes_and_times_are_stripped(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "failed.log"
    log.write_text("boot\tTest\t2026-11-25T14:00:00.1234567Z //tests:x   TIMEOUT in 900.0s\n")
    assert _names(_diagnose(log)) == [(str(log), "test_timeout")]


_BUILD = f"""\
==================== Test output for //tests:boot:
{_NO_DISK}{_PANIC}0x00006500
================================================================================
==================== Test output for //tests:fine:
Kernel panic - not syncing: on purpose
========================= 3 passed in 1.00s =========================
================================================================================
//tests:boot                                    FAILED in 1.0s
//tests:fine                                    PASSED in 1.0s
INFO: Build completed, 1 test FAILED, 9 total actions
##[error]Process completed with exit code 3.
"""


def test_output_of_each_test_is_a_separate_log(tmp_path: pathlib.Path) -> None:
    (tmp_path / "build.log").write_text(_BUILD)
    (failure,) = _diagnose(tmp_path / "build.log")
    assert (failure.log, failure.finding.name, failure.also) == ("//tests:boot", "no_root_disk", ("kernel_panic",))


def test_other_failures_of_a_build_are_reported(tmp_path: pathlib.Path) -> None:
    (tmp_path / "build.log").write_text(_BUILD + "ERROR: x: No space left on device\n//tests:late   TIMEOUT in 9s\n")
    assert _names(_diagnose(tmp_path / "build.log"))[1:] == [(str(tmp_path / "build.log"), "test_timeout")]


def _events(path: pathlib.Path, *events: dict[str, object], tail: str = "") -> pathlib.Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events) + tail)
    return path


def test_build_event_file_is_read(tmp_path: pathlib.Path) -> None:
    path = _events(
        tmp_path / "events.json",
        {"id": {"started": {}}, "started": {"uuid": "x"}},
        {"id": {"progress": {}}, "progress": {"stderr": _BUILD[:200]}},
        {"id": {"progress": {"opaqueCount": 1}}, "progress": {"stderr": _BUILD[200:], "stdout": ""}},
        {"id": {"testResult": {"label": "//tests:boot"}}, "testResult": {"status": "FAILED"}},
        {"id": {"testResult": {"label": "//tests:slow"}}, "testResult": {"status": "TIMEOUT"}},
        {"id": {"testSummary": {"label": "//tests:slow"}}, "testSummary": {"overallStatus": "TIMEOUT"}},
        {"id": {"testResult": {"label": "//tests:fine"}}, "testResult": {"status": "PASSED"}},
        {
            "id": {"actionCompleted": {"label": "//images:x"}},
            "action": {"type": "MkRootfs", "failureDetail": {"message": "x is of machine EM_X86_64, not EM_AARCH64"}},
        },
        {"id": {"targetCompleted": {"label": "//a"}}, "aborted": {"reason": "SKIPPED"}},
        {"id": {"pattern": {}}, "aborted": {"reason": "LOADING_FAILURE", "description": "no such package"}},
        tail='{"id": {"half',
    )
    assert _names(_diagnose(path)) == [
        ("//tests:boot", "no_root_disk"),
        ("//tests:slow", "test_timeout"),
        ("//images:x", "wrong_architecture"),
        ("pattern", "unknown"),
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"id": {"testResult": "x"}, "testResult": []},
        {"id": {"testResult": {"label": 7}}, "testResult": {"status": {}}},
        {"id": {}, "progress": {"stderr": 1}},
        {"id": {"actionCompleted": None}, "action": {"failureDetail": "x"}, "aborted": 7},
    ],
)
def test_malformed_events_are_skipped(tmp_path: pathlib.Path, event: dict[str, object]) -> None:
    path = _events(tmp_path / "e.json", event, {"id": {"finished": {}}})
    assert {failure.finding.name for failure in _diagnose(path)} <= {"unknown", "cannot_tell"}
    assert _diagnose(path)


def test_jobs_of_a_run_are_read(tmp_path: pathlib.Path) -> None:
    run: dict[str, object] = {
        "jobs": [
            {"name": "lint", "conclusion": "success", "steps": []},
            {"name": "boot", "conclusion": "failure", "steps": [{"name": "Test", "conclusion": "failure"}, 7]},
            {"name": "trust", "conclusion": "", "status": "in_progress", "steps": None},
        ]
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run))
    read = list(logs.read(str(path)))
    assert [(log.name, log.state) for log in read] == [
        ("lint", State.PASSED),
        ("boot", State.FAILED),
        ("trust", State.RUNNING),
    ]
    assert read[1].lines == ("step Test: failure",)
    (failure,) = report.failures(read)
    assert (failure.finding.name, "step Test" in failure.finding.cause) == ("step_failed", True)
    assert report.status(read, colour=False) == "ok      lint\nfailed  boot\nrunning trust\n"
    assert json.loads(report.status_as_json(read))["logs"][2] == {"name": "trust", "state": "running"}
    assert "\x1b[31mfailed" in report.status(read, colour=True)


def test_archives_are_bounded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _zip(tmp_path / "logs.zip", **{f"{n}.txt": "x" * 100_000 for n in range(9)}, last=_NO_DISK)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(streams, "TOTAL_MAX", 500_000)
    with pytest.raises(errors.InputError, match="more than 500000 bytes"):
        list(logs.read(str(path)))
    monkeypatch.setattr(logs, "_LOGS_MAX", 3)
    with pytest.raises(errors.InputError, match="more than 3 logs"):
        list(logs.read(str(path)))


def test_only_the_end_of_a_long_log_is_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOG_MAX", 2 << 20)
    path = _zip(tmp_path / "logs.zip", **{"1.txt": ("x" * 1023 + "\n") * (3 << 10) + _NO_DISK})
    read = list(logs.read(str(path)))
    assert _names(report.failures(read)) == [("1.txt", "no_root_disk")]
    assert report.notes(read) == ["1.txt: only the last 2 MiB were read"]


def test_damaged_archives_are_rejected(tmp_path: pathlib.Path) -> None:
    whole = _zip(tmp_path / "logs.zip", **{"1.txt": "".join(map(str, range(20_000)))}).read_bytes()
    for at in (40, 1000, len(whole) // 2):
        (tmp_path / "bad.zip").write_bytes(whole[:at] + b"\xff" * 40 + whole[at + 40 :])
        with pytest.raises(errors.InputError, match="not a zip archive, or damaged"):
            list(logs.read(str(tmp_path / "bad.zip")))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("x.zip", b"PK no zip", "not a zip archive"),
        ("run.json", b'{"a": 1}', "no list `jobs`"),
        ("none", None, "neither"),
    ],
)
def test_bad_input_is_rejected(tmp_path: pathlib.Path, name: str, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(errors.InputError, match=words):
        list(logs.read(str(tmp_path / name)))


def test_program_reports_and_exits_by_its_findings(tmp_path: pathlib.Path) -> None:
    program = os.path.abspath(os.environ["CI_DIAGNOSE"])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)

    console = f"--input={CORPUS.absolute()}/no-root-disk.console"
    done = run("diagnose", console, "--format=json")
    assert (done.returncode, json.loads(done.stdout)["failures"][0]["finding"]["name"]) == (1, "no_root_disk")
    done = run("status", console, "--format=json")
    assert json.loads(done.stdout)["logs"][0]["state"] == "failed"
    done = run("status", console)
    assert (done.returncode, done.stdout.split()[0]) == (1, "failed")
    (tmp_path / "fine.log").write_text("INFO: Build completed successfully, 1 total action\n")
    done = run("diagnose", f"--input={tmp_path}")
    assert (done.returncode, done.stdout) == (0, "nothing failed\n")
    (tmp_path / "fine.log").write_text("fine\n")
    done = run("diagnose", f"--input={tmp_path}")
    assert (done.returncode, "1 unclear: cannot tell" in done.stdout, "with: fine" in done.stdout) == (1, True, True)
    assert run("status", f"--input={tmp_path}").stdout == "unclear fine.log\n"
    assert run("explain").returncode == 2
    assert run("diagnose").returncode == 2
    done = run("diagnose", "--input=/nonexistent")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_line_is_read_up_to_its_limit(tmp_path: pathlib.Path) -> None:
    for padding, found in [(4000, True), (5000, False)]:
        (tmp_path / "log").write_text("x" * padding + " No space left on device\nERROR: no\n")
        assert ("disk_full" in str(_names(_diagnose(tmp_path / "log")))) == found
