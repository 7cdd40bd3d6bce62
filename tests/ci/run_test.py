"""Test what `.ci/run` runs and how it handles a failure: the real script, with a stub for ./bazelw."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

_SCRIPT = pathlib.Path("MODULE.bazel").resolve().parent / ".ci/run"

# Records its arguments, and ends with CODE_build, CODE_test or CODE_run.
_BAZELW = """\
#!/bin/sh
echo "$*" >> calls
echo "$KERNEL_CACHE" > environment
echo "output of $1"
for input in "$@"; do
  case "$input" in --input=/*) cat "${input#--input=}"/*.log >> diagnosed;; esac
done
eval "exit \\${CODE_$1:-0}"
"""


def _run(
    directory: pathlib.Path, *, logs: bool = True, **codes: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    (directory / ".ci").mkdir()
    shutil.copy(_SCRIPT, directory / ".ci/run")
    (directory / "bazelw").write_text(_BAZELW)
    (directory / "bazelw").chmod(0o755)
    (directory / "tmp").mkdir()
    if logs:
        (directory / "bazel-testlogs").mkdir()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory / "tmp"), **codes}
    done = subprocess.run([str(directory / ".ci/run")], env=environment, capture_output=True, text=True, check=False)
    assert not list((directory / "tmp").iterdir())
    assert not list((directory / ".cache").iterdir())
    return done, (directory / "calls").read_text().splitlines()


def test_run_builds_and_tests(tmp_path: pathlib.Path) -> None:
    done, calls = _run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "output of build\noutput of test\noutput of build\noutput of test\n"
    assert [(call.split()[0], call.split()[-1]) for call in calls] == [
        ("build", "//images:qcow2_python_aarch64"),
        ("test", "//..."),
        ("build", "//images:all"),
        ("info", "execution_root"),
        ("test", "//tests/reproducible:builds_test"),
    ]
    assert " --test_env=FIRST_BUILD=output of info/bazel-out " in calls[-1]


def test_kernels_are_shared_with_tests_that_build(tmp_path: pathlib.Path) -> None:
    _, calls = _run(tmp_path)
    cache = (tmp_path / "environment").read_text().strip()
    # A test has a private /tmp, and may write where a flag allows it.
    assert cache.startswith(str(tmp_path / ".cache/kernels."))
    flags = (
        f"--disk_cache={cache} --sandbox_writable_path={cache} --modify_execution_info=^(?!LinuxKernel$).*=+no-cache "
    )
    assert all(flags in call for call in calls)


@pytest.mark.parametrize("diagnosis", ["0", "1", "2"])
def test_failed_test_is_diagnosed_and_keeps_exit_code(tmp_path: pathlib.Path, diagnosis: str) -> None:
    done, calls = _run(tmp_path, CODE_test="3", CODE_run=diagnosis)
    assert done.returncode == 3
    assert "//tools:ci_diagnose -- diagnose --input=" in calls[-1]
    assert calls[-1].endswith(" --input=bazel-testlogs")
    assert (tmp_path / "diagnosed").read_text() == "output of build\noutput of test\n"


def test_failed_build_has_no_test_logs(tmp_path: pathlib.Path) -> None:
    done, calls = _run(tmp_path, logs=False, CODE_build="1")
    assert done.returncode == 1
    assert [call.split()[0] for call in calls] == ["build", "run"]
    assert "bazel-testlogs" not in calls[-1]
    assert (tmp_path / "diagnosed").read_text() == "output of build\n"
