"""exec-sandbox 0.8.0 from the package index, unmodified, drives the images."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def folder() -> Iterator[pathlib.Path]:
    """A folder with the images under the client's names, and programs for its PATH."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = pathlib.Path(name)
        (folder / "images").mkdir()
        for variable, file in {
            "SANDBOX_KERNEL": "vmlinuz-x86_64",
            "SANDBOX_INITRAMFS": "initramfs-x86_64",
            # The client looks for a version in the name.
            "SANDBOX_DISK": "python-3.13-base-x86_64.qcow2",
            "SANDBOX_DISK_NODE": "node-20-base-x86_64.qcow2",
        }.items():
            (folder / "images" / file).symlink_to(os.path.abspath(os.environ[variable]))
        # Asked for at the start, and used only by guests with a network.
        (folder / "images" / "gvproxy-linux-amd64").touch()
        (folder / "bin").mkdir()
        for variable, program in {
            "SANDBOX_QEMU": "qemu-system-x86_64",
            "SANDBOX_QEMU_IMG": "qemu-img",
            "SANDBOX_QEMU_STORAGE_DAEMON": "qemu-storage-daemon",
        }.items():
            # A launcher finds its tree from the path that it is started by.
            script = folder / "bin" / program
            script.write_text(f'#!/bin/sh\nexec "{os.path.abspath(os.environ[variable])}" "$@"\n')
            script.chmod(0o755)
        yield folder


def _run(folder: pathlib.Path, **arguments: Any) -> dict[str, Any]:
    packages = [str(path) for path in pathlib.Path("..").resolve().glob("*pip_client_*/site-packages")]
    done = subprocess.run(
        [
            os.path.abspath(os.environ["CLIENT_PYTHON"]),
            os.environ["CLIENT_SCRIPT"],
            str(folder / "images"),
            str(folder / "cache"),
        ],
        input=json.dumps({"timeout_seconds": 60, **arguments}),
        env={
            "EXEC_SANDBOX_FORCE_EMULATION": "true",
            "HOME": str(folder),
            "PATH": f"{folder}/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join(packages),
            "TMPDIR": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return json.loads(lines[-1])


def test_python_runs(folder: pathlib.Path) -> None:
    code = "import sys; print(6 * 7); print('err', file=sys.stderr); sys.exit(3)"
    result = _run(folder, code=code, language="python")
    assert (result.get("stdout"), result.get("stderr"), result.get("exit_code")) == ("42\n", "err\n", 3), result


def test_javascript_runs(folder: pathlib.Path) -> None:
    code = "console.log([1, 2, 3].map(n => n * 14).at(-1)); console.error('err'); process.exit(3)"
    result = _run(folder, code=code, language="javascript")
    assert (result.get("stdout"), result.get("stderr"), result.get("exit_code")) == ("42\n", "err\n", 3), result


def test_raw_code_runs_with_its_environment(folder: pathlib.Path) -> None:
    # The client takes the disk by the language's name.
    disk = folder / "images" / "raw-base-x86_64.qcow2"
    if not disk.exists():
        disk.symlink_to(os.path.abspath(os.environ["SANDBOX_DISK"]))
    result = _run(folder, code='echo "$GREETING"; uname -m', language="raw", env_vars={"GREETING": "hello"})
    assert result.get("stdout") == "hello\nx86_64\n", result


def test_output_is_streamed(folder: pathlib.Path) -> None:
    code = "import time\nfor n in range(3):\n  print(n, flush=True)\n  time.sleep(0.5)"
    assert _run(folder, code=code, language="python")["chunks"] == ["0\n", "1\n", "2\n"]


def test_timeout_is_an_error(folder: pathlib.Path) -> None:
    result = _run(folder, code="import time; time.sleep(300)", language="python", timeout_seconds=3)
    assert "imeout" in result.get("error", "") + str(result.get("stderr", "")), result
