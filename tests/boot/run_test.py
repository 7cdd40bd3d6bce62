"""The program behind `bazel run //images:run_…`."""

from __future__ import annotations

import os
import pathlib
import subprocess

from tests.boot import guest


def _run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    described = guest.from_environment()
    files = {name: getattr(described, name) for name in ("qemu", "kernel", "initramfs", "disk")}
    flags = {"architecture": described.architecture, "language": "raw", **files}
    command = [str(pathlib.Path(os.environ["RUN"]).absolute()), *(f"--{k}={v}" for k, v in flags.items()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)  # type: ignore[call-overload]


def test_output_and_exit_code_are_those_of_the_code() -> None:
    done = _run("--code", "echo out; echo err >&2; exit 42")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 42)


def test_code_comes_from_standard_input() -> None:
    done = _run(input="uname -m\n")
    assert (done.stdout.strip(), done.stderr, done.returncode) == (os.environ["SANDBOX_ARCHITECTURE"], "", 0)


def test_failed_guest_shows_its_console(tmp_path: pathlib.Path) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(b"no disk")
    done = _run("--code", "true", f"--disk={disk}")
    assert done.returncode == 125
    assert "--- QEMU ---" in done.stderr and "disk.qcow2" in done.stderr


def test_timeout_says_so() -> None:
    done = _run("--code", "sleep 60", "--timeout=2")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("run: timeout_error: ")


def test_bad_usage_is_one_line() -> None:
    done = _run("--language=cobol")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
