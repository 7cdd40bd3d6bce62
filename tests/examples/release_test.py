"""Test that a dependent module loads the release of this one from a registry."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

from tests.nested import nested
from tools.release import archive

_WHO = {f"GIT_{role}_{part}": "x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
_INHERITED = ("DEBIAN_MIRROR", "DEBIAN_SECURITY_MIRROR", "DEBIAN_SNAPSHOT", "PATH", "SSL_CERT_FILE")
_DEPENDENT = 'module(name = "dependent")\n\nbazel_dep(name = "sandbox_images", version = "9.8.7")\n'


def test_released_module_loads_from_registry(tmp_path: pathlib.Path) -> None:
    assert shutil.which("bazel"), "no bazel on the PATH: run the tests with ./bazelw (see tests/bootstrap/README.md)"
    sources, registry, dependent = tmp_path / "sources", tmp_path / "registry", tmp_path / "dependent"
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {"HOME": str(tmp_path)}
    nested.copy_workspace(sources)
    for step in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "release"]):
        subprocess.run(["git", "-C", str(sources), *step], env=environment | _WHO, check=True)
    packed = archive.release(sources, "9.8.7", registry.as_uri(), registry)
    entry = json.loads((registry / "modules/sandbox_images/9.8.7/source.json").read_text())
    assert entry["url"] == packed.as_uri()

    dependent.mkdir()
    (dependent / "MODULE.bazel").write_text(_DEPENDENT)
    (dependent / "BUILD.bazel").touch()
    shutil.copy(sources / ".bazelrc", dependent / ".bazelrc")
    command = ["bazel", f"--output_user_root={tmp_path}/root", "--max_idle_secs=15"]
    try:
        done = subprocess.run(
            [*command, "query", f"--registry={registry.as_uri()}", "@sandbox_images//images:all"],
            cwd=dependent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run([*command, "shutdown"], cwd=dependent, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "@sandbox_images//images:qcow2_python_aarch64" in done.stdout.split()
