"""Test the checks of a built kernel."""

from __future__ import annotations

import hashlib
import json
import pathlib
import tarfile

import pytest

from tools.cli import cli_testing, errors
from tools.extract_kernel import kernel_testing as make
from tools.extract_kernel.kernel_testing import RELEASE
from tools.linux_kernel import check_kernel_main

_OUTPUTS = ("modules", "order", "report", "vmlinuz")


def _checked(tmp_path: pathlib.Path, architecture: str = "x86_64", **changes: bytes) -> pathlib.Path:
    contents = {
        "builtin": make.BUILTIN.encode(),
        "builtin_modinfo": b"builtin_one.alias=crypto-inside\0",
        "config": b"CONFIG_X=y\n",
        "image": make.image(architecture),
        "release": f"{RELEASE}\n".encode(),
        "source_report": json.dumps({"package": "linux-source-6.12", "version": "6.12.1-1"}).encode(),
        "vmlinux": make.vmlinux() if architecture == "x86_64" else make.image(architecture),
        "own.patch": b"--- a\n",
    } | changes
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    inputs = {name: str(tmp_path / name) for name in contents if name != "own.patch"}
    outputs = {name: str(tmp_path / f"out.{name}") for name in _OUTPUTS}
    patches = [str(tmp_path / "own.patch")]
    cli_testing.call(check_kernel_main.main, architecture=architecture, patch=patches, **inputs, **outputs)
    return tmp_path


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
def test_report_names_inputs_of_kernel(tmp_path: pathlib.Path, architecture: str) -> None:
    made = _checked(tmp_path, architecture)
    assert json.loads((made / "out.report").read_text()) == {
        "architecture": architecture,
        "kernel_release": RELEASE,
        "source": {"package": "linux-source-6.12", "version": "6.12.1-1"},
        "config_sha256": hashlib.sha256(b"CONFIG_X=y\n").hexdigest(),
        "patches": [{"name": "own.patch", "sha256": hashlib.sha256(b"--- a\n").hexdigest()}],
    }
    assert (made / "out.vmlinuz").read_bytes() == make.image(architecture)


def test_modules_archive_lists_builtin_modules(tmp_path: pathlib.Path) -> None:
    made = _checked(tmp_path)
    with tarfile.open(made / "out.modules") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
        names = archive.getnames()
    directory = f"lib/modules/{RELEASE}"
    assert all(directory.startswith(name) or name.startswith(directory) for name in names)
    unpacked = tmp_path / "unpacked" / directory
    assert (unpacked / "modules.builtin").read_text() == make.BUILTIN
    assert (unpacked / "modules.dep").read_text() == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image": make.image("aarch64")}, "is a kernel image of aarch64, not one of x86_64"),
        ({"image": make.image("x86_64", "6.1")}, f"is of release .*, not {RELEASE}"),
        ({"vmlinux": make.vmlinux(None)}, "no PVH entry point"),
        ({"vmlinux": make.vmlinux(release="6.1")}, f"no banner of release {RELEASE}"),
    ],
)
def test_check_rejects_unfit_kernels(tmp_path: pathlib.Path, changes: dict[str, bytes], reason: str) -> None:
    with pytest.raises(errors.InputError, match=reason):
        _checked(tmp_path, "x86_64", **changes)
    assert not (tmp_path / "out.vmlinuz").exists()
