"""`.ci/run`: what it runs, and what it does about a failure. The real script, with a stand-in for ./bazelw."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

_SCRIPT = pathlib.Path("MODULE.bazel").resolve().parent / ".ci/run"

# Writes its arguments down, and ends as told: CODE_build, CODE_test, CODE_run.
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
    folder: pathlib.Path, *, logs: bool = True, **codes: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    (folder / ".ci").mkdir()
    shutil.copy(_SCRIPT, folder / ".ci/run")
    (folder / "bazelw").write_text(_BAZELW)
    (folder / "bazelw").chmod(0o755)
    (folder / "tmp").mkdir()
    if logs:
        (folder / "bazel-testlogs").mkdir()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder / "tmp"), **codes}
    done = subprocess.run([str(folder / ".ci/run")], env=environment, capture_output=True, text=True, check=False)
    assert not list((folder / "tmp").iterdir())
    assert not list((folder / ".cache").iterdir())
    return done, (folder / "calls").read_text().splitlines()


def test_it_builds_and_tests(tmp_path: pathlib.Path) -> None:
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
    # A test has a /tmp of its own, and may write where a flag says so.
    assert cache.startswith(str(tmp_path / ".cache/kernels."))
    flags = (
        f"--disk_cache={cache} --sandbox_writable_path={cache} --modify_execution_info=^(?!LinuxKernel$).*=+no-cache "
    )
    assert all(flags in call for call in calls)


@pytest.mark.parametrize("diagnosis", ["0", "1", "2"])
def test_a_failed_test_is_diagnosed_and_its_code_kept(tmp_path: pathlib.Path, diagnosis: str) -> None:
    done, calls = _run(tmp_path, CODE_test="3", CODE_run=diagnosis)
    assert done.returncode == 3
    assert "//tools:ci_diagnose -- diagnose --input=" in calls[-1]
    assert calls[-1].endswith(" --input=bazel-testlogs")
    assert (tmp_path / "diagnosed").read_text() == "output of build\noutput of test\n"


def test_a_failed_build_has_no_logs_of_tests(tmp_path: pathlib.Path) -> None:
    done, calls = _run(tmp_path, logs=False, CODE_build="1")
    assert done.returncode == 1
    assert [call.split()[0] for call in calls] == ["build", "run"]
    assert "bazel-testlogs" not in calls[-1]
    assert (tmp_path / "diagnosed").read_text() == "output of build\n"
