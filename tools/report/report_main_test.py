"""The program writes the page relative to the caller's directory, or explains why not."""

from __future__ import annotations

import os
import pathlib
import subprocess

from tools.report import report_testing


def _run(directory: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BUILD_WORKING_DIRECTORY": str(directory)}
    command = [os.environ["REPORT"], *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_report_is_written_beside_the_caller(tmp_path: pathlib.Path) -> None:
    report_testing.make(tmp_path / "dist")
    report_testing.make(tmp_path / "earlier", "0.9")
    done = _run(tmp_path, f"--dist={tmp_path / 'dist'}", "--against=earlier", "--out=page")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {tmp_path / 'page/report.html'}\n"
    text = (tmp_path / "page/report.html").read_text()
    assert "./bazelw run //images:report -- --against=earlier --out=page" in text and "--dist" not in text
    assert list((tmp_path / "page").iterdir()) == [tmp_path / "page/report.html"]


def test_other_directory_is_rejected(tmp_path: pathlib.Path) -> None:
    report_testing.make(tmp_path / "dist")
    done = _run(tmp_path, f"--dist={tmp_path / 'dist'}", "--against=nothing", "--out=page")
    assert done.returncode == 1 and "has no manifest.json" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "page").exists()


def test_disk_without_guest_is_bad_usage(tmp_path: pathlib.Path) -> None:
    report_testing.make(tmp_path / "dist")
    done = _run(tmp_path, f"--dist={tmp_path / 'dist'}", "--out=page", "--disk=x86_64=disk")
    assert done.returncode == 2 and "also give --guest=x86_64=" in done.stderr
