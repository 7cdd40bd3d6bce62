"""Run the program of `bazel run //images:run_…` with the image that the test's target names."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

from tests.boot import guest


def command(*arguments: str, disk: pathlib.Path | None = None) -> list[str]:
    """Return the command line, with another disk if one is given."""
    described = guest.from_environment()
    image = {
        "name": "image",
        "architecture": described.architecture,
        "language": "raw",
        "disk": str(disk or described.disk),
        "initramfs": str(described.initramfs),
        "kernel": str(described.kernel),
        "qemu": str(described.qemu),
        **({"machine": described.machine} if described.machine else {}),
    }
    return [str(pathlib.Path(os.environ["RUN"]).absolute()), f"--available={json.dumps(image)}", *arguments]


def run(
    *arguments: str, input: str | None = None, directory: pathlib.Path | None = None, disk: pathlib.Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program as if `bazel run` had been called in a directory."""
    return subprocess.run(
        command(*arguments, disk=disk),
        input=input,
        env={**os.environ, "BUILD_WORKING_DIRECTORY": str(directory or "")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def qemus(process: int) -> list[int]:
    """Return the QEMU processes that a process of the program has started."""
    children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
    found = [int(child) for child in children if b"-nodefaults" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes()]
    return found + [grandchild for child in children for grandchild in qemus(int(child))]
