"""Test that the example's module resolves, its BUILD file loads, and its lock matches its requests."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess


def test_example_declares_targets_and_packages(tmp_path: pathlib.Path) -> None:
    assert shutil.which("bazel"), "no bazel on the PATH: run the tests with ./bazelw (see tests/bootstrap/README.md)"
    # The runfile links to the source file.
    directory = pathlib.Path("MODULE.bazel").resolve().parent / "examples"
    inherited = ("DEBIAN_MIRROR", "DEBIAN_SECURITY_MIRROR", "DEBIAN_SNAPSHOT", "PATH", "SSL_CERT_FILE")
    environment = {name: os.environ[name] for name in inherited if name in os.environ} | {"HOME": str(tmp_path)}
    command = ["bazel", f"--output_user_root={tmp_path}/root", "--max_idle_secs=15"]
    try:
        done = subprocess.run(
            [*command, "query", "--output=label", "//... + @numpy_aarch64//:packages + @numpy_x86_64//:packages"],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run([*command, "shutdown"], cwd=directory, env=environment)
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    for architecture in ("aarch64", "x86_64"):
        for target in ("qcow2_numpy_{}", "run_numpy_{}", "numpy_{}_test"):
            assert f"//:{target.format(architecture)}" in found
        assert f"@numpy_{architecture}//:packages" in found
