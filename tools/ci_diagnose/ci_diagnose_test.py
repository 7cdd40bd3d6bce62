"""Diagnoses, on real consoles and on made-up logs."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import zipfile

import pytest

from tools.ci_diagnose import causes, logs, report
from tools.cli import errors

_PANIC = "Kernel panic - not syncing: Attempted to kill init! exitcode="
_CORPUS = pathlib.Path("tools/ci_diagnose/corpus")

# What each broken guest of //tests/boot:faults_x86_64 has to be diagnosed as.
_EXPECTED = {
    "agent-missing": "agent_missing",
    "agent-not-executable": "agent_not_executable",
    "agent-wrong-architecture": "agent_wrong_architecture",
    "corrupt-superblock": "corrupt_file_system",
    "disk-without-a-file-system": "no_file_system",
    "missing-module": "missing_module",
    "no-ports": "no_ports",
    "no-root-disk": "no_root_disk",
    "one-port-only": "no_ports",
}


def _diagnose(path: pathlib.Path) -> list[report.Failure]:
    return report.failures(list(logs.read(str(path))))


@pytest.mark.parametrize(("name", "cause"), sorted(_EXPECTED.items()))
def test_real_console_of_a_broken_guest(name: str, cause: str) -> None:
    (failure,) = _diagnose(_CORPUS / f"{name}.console")
    assert failure.finding.name == cause
    assert failure.finding.step


def test_every_console_of_the_corpus_is_expected() -> None:
    assert {path.stem for path in _CORPUS.glob("*.console")} == set(_EXPECTED)


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
        ("[init] zram: cannot set the size: errno=12", "zram_failed", "errno 12"),
        ("curl: (6) Could not resolve host: example.org", "network_failed", "DNS"),
        ("VmBootTimeoutError: Guest agent not ready after 30s", "agent_timeout", "in time"),
        ("elfcheck: x: is of machine EM_X86_64, not EM_AARCH64 (aarch64)", "wrong_architecture", "EM_AARCH64"),
        (
            "Error in fail: Debian package x 1 (amd64) is not to be had as the lock pins it; …",
            "download_changed",
            "lock",
        ),
    ],
)
def test_line_has_its_cause(line: str, name: str, words: str) -> None:
    (finding,) = causes.find([line])
    assert finding.name == name
    assert words in finding.cause


def test_what_explains_comes_first(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "test.log"
    log.write_text(
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00006500\n[init] execv failed: errno=8\n"
    )
    (failure,) = _diagnose(log)
    assert failure.finding.name == "agent_wrong_architecture"
    assert failure.also == ("kernel_panic",)


def test_unknown_failure_is_told(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "test.log"
    log.write_text("ERROR: the sky fell\n")
    (failure,) = _diagnose(log)
    assert failure.finding.name == "unknown"


def test_log_without_a_failure_is_none(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "test.log"
    log.write_text("//tests:x  PASSED in 1.0s\n")
    assert _diagnose(log) == []


def test_control_characters_never_come_through(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "evil.log"
    log.write_bytes(b"[init] ERROR: \x1b]0;title\x07\x1b[2Jgone\r\x00\xe2\x80\xae\xc2\x9b31m\n")
    text = report.plain(_diagnose(log), colour=False)
    assert "gone" in text
    assert all(char.isprintable() or char == "\n" for char in text)


def test_archive_of_a_run(tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("build/1_test.txt", "[init] ERROR: no root disk after 10 s: …\n")
        archive.writestr("build/2_ok.txt", "fine\n")
    failures = _diagnose(tmp_path / "logs.zip")
    assert [(failure.log, failure.finding.name) for failure in failures] == [("build/1_test.txt", "no_root_disk")]


def test_jobs_of_a_run(tmp_path: pathlib.Path) -> None:
    run: dict[str, object] = {
        "jobs": [
            {"name": "lint", "conclusion": "success", "steps": []},
            {"name": "boot", "conclusion": "failure", "steps": [{"name": "Test", "conclusion": "failure"}]},
        ]
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run))
    read = list(logs.read(str(path)))
    assert [(log.name, log.failed) for log in read] == [("lint", False), ("boot", True)]
    assert read[1].lines == ("step Test: failure",)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [("x.zip", b"PK no zip", "no zip archive"), ("run.json", b'{"a": 1}', "no list `jobs`"), ("none", None, "neither")],
)
def test_bad_input_is_refused(tmp_path: pathlib.Path, name: str, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(errors.InputError, match=words):
        list(logs.read(str(tmp_path / name)))


def test_program_answers_and_exits_by_what_it_found(tmp_path: pathlib.Path) -> None:
    program = os.path.abspath(os.environ["CI_DIAGNOSE"])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)

    console = f"--input={_CORPUS.absolute()}/no-root-disk.console"
    done = run("diagnose", console, "--format=json")
    assert (done.returncode, json.loads(done.stdout)["failures"][0]["finding"]["name"]) == (1, "no_root_disk")
    done = run("status", console)
    assert (done.returncode, done.stdout.split()[0]) == (1, "failed")
    (tmp_path / "fine.log").write_text("fine\n")
    done = run("diagnose", f"--input={tmp_path}")
    assert (done.returncode, done.stdout) == (0, "nothing failed\n")
    assert run("explain").returncode == 2
    assert run("diagnose").returncode == 2
    done = run("diagnose", "--input=/nonexistent")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
