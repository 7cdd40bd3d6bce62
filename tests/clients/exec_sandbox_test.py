"""Test the images with the unmodified exec-sandbox 0.8.0 and 0.2.1 from the package index."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import surroundings
from tests.guest import package_index

# The client finds a disk by the language's name and a version in the file name.
_DISKS = {
    "SANDBOX_DISK": "python-3.13-base-{}.qcow2",
    "SANDBOX_DISK_NODE": "node-24-base-{}.qcow2",
    "SANDBOX_DISK_RAW": "raw-base-{}.qcow2",
}

# The same with this test's index in their configuration.
_DISKS_WITH_INDEX = {
    "SANDBOX_DISK_WITH_INDEX": "python-3.13-base-{}.qcow2",
    "SANDBOX_DISK_NODE_WITH_INDEX": "node-24-base-{}.qcow2",
}


@pytest.fixture(scope="module")
def directory() -> Iterator[pathlib.Path]:
    """Yield a directory with images under the client's names, and programs for its PATH."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = pathlib.Path(name)
        surroundings.add_programs(directory)
        for images, disks in {"images": _DISKS, "images_with_index": _DISKS_WITH_INDEX}.items():
            (directory / images).mkdir()
            common = {"SANDBOX_KERNEL": "vmlinuz-{}", "SANDBOX_INITRAMFS": "initramfs-{}"}
            for variable, file in {**common, **disks}.items():
                (directory / images / file.format(surroundings.ARCHITECTURE)).symlink_to(surroundings.path(variable))
            surroundings.add_wrapper(directory / images)
        yield directory


def _run(directory: pathlib.Path, images: str = "images", **arguments: Any) -> dict[str, Any]:
    done = subprocess.run(
        [
            surroundings.path("CLIENT_PYTHON"),
            surroundings.path("CLIENT_SCRIPT"),
            str(directory / images),
            str(directory / "cache"),
        ],
        input=json.dumps({"timeout_seconds": 60, **arguments}),
        env={
            **surroundings.environment(directory, os.environ["CLIENT_HUB"]),
            # 0.8.0 and 0.2.1 search for gvproxy here, whatever their settings.
            "EXEC_SANDBOX_IMAGES_DIR": str(directory / images),
            "EXEC_SANDBOX_CACHE_DIR": str(directory / images),
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return json.loads(lines[-1])


def test_python_runs(directory: pathlib.Path) -> None:
    code = "import sys; print(6 * 7); print('err', file=sys.stderr); sys.exit(3)"
    result = _run(directory, code=code, language="python")
    assert (result.get("stdout"), result.get("stderr"), result.get("exit_code")) == ("42\n", "err\n", 3), result


def test_javascript_runs(directory: pathlib.Path) -> None:
    code = "console.log([1, 2, 3].map(n => n * 14).at(-1)); console.error('err'); process.exit(3)"
    result = _run(directory, code=code, language="javascript")
    assert (result.get("stdout"), result.get("stderr"), result.get("exit_code")) == ("42\n", "err\n", 3), result


def test_raw_code_runs_with_its_environment(directory: pathlib.Path) -> None:
    result = _run(directory, code='echo "$GREETING"; uname -m', language="raw", env_vars={"GREETING": "hello"})
    assert result.get("stdout") == f"hello\n{surroundings.ARCHITECTURE}\n", result


def test_output_is_streamed(directory: pathlib.Path) -> None:
    code = "import time\nfor n in range(3):\n  print(n, flush=True)\n  time.sleep(0.5)"
    assert _run(directory, code=code, language="python")["chunks"] == ["0\n", "1\n", "2\n"]


def test_timeout_is_an_error(directory: pathlib.Path) -> None:
    result = _run(directory, code="import time; time.sleep(300)", language="python", timeout_seconds=3)
    assert "imeout" in result.get("error", "") + str(result.get("stderr", "")), result


# A guest's network comes up in the background.
_NETWORK = """
import socket, time, urllib.request
while True:
    try:
        print(socket.gethostbyname("elsewhere.example"))
        break
    except socket.gaierror:
        time.sleep(0.2)
print(urllib.request.urlopen("{page}").status)
"""


def test_network_resolves_only_allowed_names(directory: pathlib.Path) -> None:
    with package_index.serving(int(os.environ["INDEX_PORT"])) as port:
        # The replacement of the client's wrapper resolves this name whatever the client allows.
        code = _NETWORK.format(page=f"http://host.containers.internal:{port}/simple/{package_index.NAME}/")
        result = _run(directory, code=code, language="python", allow_network=True, allowed_domains=["allowed.example"])
    assert result.get("stdout") == "0.0.0.0\n200\n", result


def _install(directory: pathlib.Path, language: str, package: str, code: str) -> dict[str, Any]:
    """Run code with a package from an index that has one version of one name."""
    with package_index.serving(int(os.environ["INDEX_PORT"])):
        return _run(directory, "images_with_index", language=language, packages=[package], code=code)


def test_package_of_python_is_installed(directory: pathlib.Path) -> None:
    code = f"import {package_index.NAME}; print({package_index.NAME}.greet())"
    result = _install(directory, "python", f"{package_index.NAME}=={package_index.VERSION}", code)
    assert (result.get("stdout"), result["warnings"]) == (f"hello from {package_index.VERSION}\n", []), result


def test_package_of_javascript_is_installed(directory: pathlib.Path) -> None:
    code = f"console.log(require('{package_index.NAME}').greet())"
    result = _install(directory, "javascript", f"{package_index.NAME}@{package_index.VERSION}", code)
    assert (result.get("stdout"), result["warnings"]) == (f"hello from {package_index.VERSION}\n", []), result


def test_version_missing_from_index_is_a_warning(directory: pathlib.Path) -> None:
    # The client continues without the package, with a warning that contains the installer's message.
    result = _install(directory, "python", f"{package_index.NAME}==9.9.9", f"import {package_index.NAME}")
    assert any(f"there is no version of {package_index.NAME}==9.9.9" in warning for warning in result["warnings"]), (
        result
    )
    assert "ModuleNotFoundError" in result["stderr"], result


def test_unknown_package_is_an_error(directory: pathlib.Path) -> None:
    result = _run(directory, language="python", packages=["nonesuch==1.0.0"], code="")
    assert result.get("error") == "PackageNotAllowedError", result
